/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The bytes of messages, and how they come from and go to a program's memory.
 *
 * User memory is copied here, so no lock may be held: a page fault may sleep.
 */
#ifndef IPCDEV_BUFFER_H
#define IPCDEV_BUFFER_H

#include <linux/uio.h>

#include "device.h"

int ipcdev_message_from(struct iov_iter *from, struct ipcdev_request *request);
int ipcdev_frames_from(struct iov_iter *from, struct ipcdev_request *request);
int ipcdev_bytes_to(struct iov_iter *to, const struct ipcdev_request *request);
int ipcdev_frames_to(struct iov_iter *to, const struct ipcdev_request *request);
void ipcdev_message_free(struct ipcdev_message *message);

#endif /* IPCDEV_BUFFER_H */
