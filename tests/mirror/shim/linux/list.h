/* SPDX-License-Identifier: GPL-2.0 */
/*
 * As much of the kernel's lists as kmod/device.c uses.  Linking what is linked, or
 * unlinking what is not, is a bug that the kernel's would let pass: here it aborts.
 */
#ifndef SHIM_LINUX_LIST_H
#define SHIM_LINUX_LIST_H

#include <assert.h>
#include <linux/types.h>

#define container_of(pointer, type, member) \
	((type *)((char *)(pointer) - offsetof(type, member)))

static inline void INIT_LIST_HEAD(struct list_head *list)
{
	list->next = list;
	list->prev = list;
}

static inline bool list_empty(const struct list_head *list)
{
	return list->next == list;
}

static inline void shim_link(struct list_head *entry, struct list_head *before)
{
	assert(list_empty(entry));
	entry->prev = before;
	entry->next = before->next;
	before->next->prev = entry;
	before->next = entry;
}

static inline void list_add(struct list_head *entry, struct list_head *head)
{
	shim_link(entry, head);
}

static inline void list_add_tail(struct list_head *entry, struct list_head *head)
{
	shim_link(entry, head->prev);
}

static inline void list_del_init(struct list_head *entry)
{
	assert(!list_empty(entry));
	entry->prev->next = entry->next;
	entry->next->prev = entry->prev;
	INIT_LIST_HEAD(entry);
}

static inline void list_move_tail(struct list_head *entry, struct list_head *head)
{
	list_del_init(entry);
	list_add_tail(entry, head);
}

#define list_first_entry(head, type, member) container_of((head)->next, type, member)
#define list_first_entry_or_null(head, type, member) \
	(list_empty(head) ? NULL : list_first_entry(head, type, member))

#define shim_next(entry, member) \
	container_of((entry)->member.next, __typeof__(*(entry)), member)
#define list_for_each_entry_safe(entry, following, head, member)                            \
	for (entry = list_first_entry(head, __typeof__(*entry), member),                    \
	    following = shim_next(entry, member);                                           \
	     &entry->member != (head);                                                      \
	     entry = following, following = shim_next(entry, member))

#define list_last_entry(head, type, member) container_of((head)->prev, type, member)
#define shim_previous(entry, member) \
	container_of((entry)->member.prev, __typeof__(*(entry)), member)
#define list_for_each_entry_safe_reverse(entry, preceding, head, member)                    \
	for (entry = list_last_entry(head, __typeof__(*entry), member),                     \
	    preceding = shim_previous(entry, member);                                       \
	     &entry->member != (head);                                                      \
	     entry = preceding, preceding = shim_previous(entry, member))

#endif
