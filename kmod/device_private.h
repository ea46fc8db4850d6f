/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What device.c does with a struct ipcdev_device and nobody else may: the private
 * members of the original's class, in their order.
 */
#ifndef IPCDEV_DEVICE_PRIVATE_H
#define IPCDEV_DEVICE_PRIVATE_H

#include "device.h"

static bool ipcdev_device_has_room(const struct ipcdev_device *device);
static bool ipcdev_device_has_place(const struct ipcdev_device *device);
static noinline bool ipcdev_device_may_park(const struct ipcdev_device *device,
					    const struct ipcdev_account *user);
static bool ipcdev_device_may_copy(const struct ipcdev_device *device,
				   const struct ipcdev_account *user);
static noinline void ipcdev_device_park(struct ipcdev_device *device,
					struct ipcdev_request *request,
					struct ipcdev_effects *effects);
static void ipcdev_device_complete(struct ipcdev_request *request, int error,
				   struct ipcdev_effects *effects);
static void ipcdev_device_admit(struct ipcdev_device *device, struct ipcdev_request *request,
				struct ipcdev_effects *effects);
static bool ipcdev_device_take(struct ipcdev_device *device, struct ipcdev_request *request,
			       struct ipcdev_effects *effects);
static void ipcdev_device_take_bytes(struct ipcdev_device *device, struct ipcdev_request *request,
				     struct ipcdev_effects *effects);
static noinline bool ipcdev_device_take_frames(struct ipcdev_device *device,
					       struct ipcdev_request *request,
					       struct ipcdev_effects *effects);
static struct ipcdev_chain *ipcdev_device_source(struct ipcdev_device *device,
						 struct ipcdev_open *open);
static void ipcdev_device_count_taken(struct ipcdev_device *device, struct ipcdev_open *open,
				      const struct ipcdev_chain *from,
				      const struct ipcdev_slice *slice,
				      struct ipcdev_effects *effects);
static noinline void ipcdev_device_gather(struct ipcdev_device *device,
					  struct ipcdev_effects *effects);
static void ipcdev_device_leave(struct ipcdev_device *device, struct ipcdev_request *request);
static void ipcdev_device_match(struct ipcdev_device *device, struct ipcdev_effects *effects);
static noinline bool ipcdev_device_serve_parked(struct ipcdev_device *device,
						struct ipcdev_effects *effects);
static struct ipcdev_request *ipcdev_device_next_to_serve(struct ipcdev_device *device);
static bool ipcdev_device_serve(struct ipcdev_device *device, struct ipcdev_request *request,
				struct ipcdev_effects *effects);
static void ipcdev_device_finish_copy(struct ipcdev_device *device,
				      const struct ipcdev_slice *slice,
				      struct ipcdev_effects *effects);
static noinline bool ipcdev_device_finish_frames(struct ipcdev_device *device,
						 struct ipcdev_request *request,
						 struct ipcdev_effects *effects);
static void ipcdev_device_give_back(struct ipcdev_device *device, struct ipcdev_open *open,
				    struct ipcdev_piece *piece, struct ipcdev_effects *effects);
static void ipcdev_device_give_back_frames(struct ipcdev_device *device,
					   struct ipcdev_effects *effects);
static void ipcdev_device_requeue(struct ipcdev_device *device, struct ipcdev_message *message,
				  struct ipcdev_effects *effects);
static void ipcdev_device_drop_queued(struct ipcdev_device *device, struct ipcdev_effects *effects);
static noinline void ipcdev_device_drop_first(struct ipcdev_device *device, enum ipcdev_fate fate,
					      struct ipcdev_effects *effects);
static void ipcdev_device_release_begun(struct ipcdev_device *device,
					struct ipcdev_effects *effects);
static void ipcdev_device_discard(struct ipcdev_piece *piece, struct ipcdev_effects *effects);
static void ipcdev_device_count_queued(struct ipcdev_device *device,
				       const struct ipcdev_slice *slice);
static void ipcdev_device_count_unqueued(struct ipcdev_device *device,
					 const struct ipcdev_slice *slice);
static void ipcdev_device_count_begun(struct ipcdev_device *device,
				      const struct ipcdev_slice *slice);
static void ipcdev_device_count_unbegun(struct ipcdev_device *device,
					const struct ipcdev_slice *slice);
static void ipcdev_device_settle(struct ipcdev_device *device, struct ipcdev_message *message,
				 enum ipcdev_fate fate, struct ipcdev_effects *effects);

#endif /* IPCDEV_DEVICE_PRIVATE_H */
