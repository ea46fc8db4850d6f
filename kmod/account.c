// SPDX-License-Identifier: GPL-2.0
/*
 * An operation counts for the user who opened the open file description, as access to files
 * does, no matter which process it is passed to.
 */
#include "account.h"

#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/slab.h>
#include <linux/uidgid.h>
#include <linux/user_namespace.h>

/**
 * struct ipcdev_user - a user without privilege who has the device open
 * @account:	their share of the limits
 * @in_users:	in ipcdev_accounts.users
 * @uid:	kernel-wide, see ipcdev_uid_of()
 * @opens:	freed with the last of them
 */
struct ipcdev_user {
	struct ipcdev_account account;
	struct rb_node in_users;
	kuid_t uid;
	unsigned int opens;
};

static struct ipcdev_user *ipcdev_user_of(const struct rb_node *node)
{
	return rb_entry(node, struct ipcdev_user, in_users);
}

/*
 * The user who is charged for these credentials.  In a user namespace that is its creator,
 * as for ucounts, since subuid(5) gives an ordinary user the ids of 65,536 others.  Root is
 * excepted: it creates containers for other users.
 */
static kuid_t ipcdev_uid_of(const struct cred *cred)
{
	const struct user_namespace *ns;
	kuid_t uid = cred->fsuid;

	for (ns = cred->user_ns; ns != &init_user_ns; ns = ns->parent) {
		if (!uid_eq(ns->owner, GLOBAL_ROOT_UID))
			uid = ns->owner;
	}
	return uid;
}

/*
 * Root, the owner of the node, and those who are exempt from the limits of pipes as well
 * (pipe_is_unprivileged_user() in fs/pipe.c).  The check is not audited: it is no attempt
 * to use the capability.
 */
static bool ipcdev_is_privileged(kuid_t uid, const struct inode *inode)
{
	return uid_eq(uid, GLOBAL_ROOT_UID) || uid_eq(uid, inode->i_uid) ||
	       ns_capable_noaudit(&init_user_ns, CAP_SYS_RESOURCE) ||
	       ns_capable_noaudit(&init_user_ns, CAP_SYS_ADMIN);
}

static int ipcdev_compare_users(struct rb_node *left, const struct rb_node *right)
{
	const kuid_t a = ipcdev_user_of(left)->uid;
	const kuid_t b = ipcdev_user_of(right)->uid;

	return uid_lt(a, b) ? -1 : uid_gt(a, b);
}

void ipcdev_accounts_init(struct ipcdev_accounts *accounts)
{
	accounts->privileged = (struct ipcdev_account) { .privileged = true };
	accounts->users = RB_ROOT;
}

/**
 * ipcdev_account_open() - get the account of the user who opens the device
 * @device:	whose lock guards them
 * @accounts:	its accounts
 * @inode:	the node that is opened
 * @file:	the new file
 *
 * Return: the account, until ipcdev_account_close(); NULL without memory.
 */
struct ipcdev_account *ipcdev_account_open(struct ipcdev_device *device,
					   struct ipcdev_accounts *accounts,
					   const struct inode *inode, const struct file *file)
{
	const kuid_t uid = ipcdev_uid_of(file->f_cred);
	struct ipcdev_user *user;
	struct rb_node *known;

	if (ipcdev_is_privileged(uid, inode))
		return &accounts->privileged;
	user = kzalloc(sizeof(*user), GFP_KERNEL_ACCOUNT);
	if (!user)
		return NULL;
	user->uid = uid;
	spin_lock(&device->lock);
	known = rb_find_add(&user->in_users, &accounts->users, ipcdev_compare_users);
	if (!known)
		known = &user->in_users;
	ipcdev_user_of(known)->opens++;
	spin_unlock(&device->lock);
	if (known != &user->in_users)
		kfree(user);
	return &ipcdev_user_of(known)->account;
}

void ipcdev_account_close(struct ipcdev_device *device, struct ipcdev_accounts *accounts,
			  struct ipcdev_account *account)
{
	struct ipcdev_user *user = container_of(account, struct ipcdev_user, account);
	bool last;

	if (account == &accounts->privileged)
		return;
	spin_lock(&device->lock);
	last = !--user->opens;
	if (last)
		rb_erase(&user->in_users, &accounts->users);
	spin_unlock(&device->lock);
	if (!last)
		return;
	WARN_ON_ONCE(account->parked || account->copies);
	kfree(user);
}
