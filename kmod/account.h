/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The users who have the device open.  One without privilege may hold only half of the
 * places for operations that are parked or being copied out.
 */
#ifndef IPCDEV_ACCOUNT_H
#define IPCDEV_ACCOUNT_H

#include <linux/fs.h>
#include <linux/rbtree.h>

#include "device.h"

/**
 * struct ipcdev_accounts - those of one device; guarded by ipcdev_device.lock
 * @privileged:	shared by all users with privilege
 * @users:	one for each other user who has the device open
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
