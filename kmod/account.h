/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Who has the device open: a user without privilege may have only half of its operations
 * parked or being copied out.
 */
#ifndef IPCDEV_ACCOUNT_H
#define IPCDEV_ACCOUNT_H

#include <linux/fs.h>
#include <linux/rbtree.h>

#include "device.h"

/**
 * struct ipcdev_accounts - of one device; guarded by ipcdev_device.lock
 * @privileged:	of all who have privilege
 * @users:	an account each of the others who have the device open, by user
 */
struct ipcdev_accounts {
	struct ipcdev_account privileged;
	struct rb_root users;
};

void ipcdev_accounts_init(struct ipcdev_accounts *accounts);
struct ipcdev_account *ipcdev_account_open(struct ipcdev_device *device,
					   struct ipcdev_accounts *accounts,
					   const struct inode *inode, const struct file *file);
void ipcdev_account_close(struct ipcdev_device *device, struct ipcdev_accounts *accounts,
			  struct ipcdev_account *account);

#endif /* IPCDEV_ACCOUNT_H */
