/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An intrusive singly linked FIFO.  The hot path only adds at one end and removes at the
 * other.  A list_head would cost it twice the stores, and a function call for each
 * operation where CONFIG_DEBUG_LIST is set, as distributions do.
 *
 * Adding an element that is already linked is a bug, and warns.
 */
#ifndef IPCDEV_CHAIN_H
#define IPCDEV_CHAIN_H

#include <linux/bug.h>
#include <linux/compiler.h>
#include <linux/list.h>
#include <linux/types.h>

/**
 * struct ipcdev_link - embedded in each element of a chain
 * @next:	NULL in the last element; the link itself while it is in no chain
 */
struct ipcdev_link {
	struct ipcdev_link *next;
};

/**
 * struct ipcdev_chain - the FIFO
 * @first:	NULL if the chain is empty
 * @last:	undefined if the chain is empty
 */
struct ipcdev_chain {
	struct ipcdev_link *first;
	struct ipcdev_link *last;
};

static inline void ipcdev_link_init(struct ipcdev_link *link)
{
	link->next = link;
}

static inline bool ipcdev_is_linked(const struct ipcdev_link *link)
{
	return READ_ONCE(link->next) != link;
}

static inline void ipcdev_chain_init(struct ipcdev_chain *chain)
{
	chain->first = NULL;
}

static inline bool ipcdev_chain_empty(const struct ipcdev_chain *chain)
{
	return !chain->first;
}

static inline void ipcdev_chain_add(struct ipcdev_chain *chain, struct ipcdev_link *link)
{
	WARN_ON_ONCE(ipcdev_is_linked(link));
	link->next = NULL;
	if (chain->first)
		chain->last->next = link;
	else
		chain->first = link;
	chain->last = link;
}

static inline void ipcdev_chain_add_first(struct ipcdev_chain *chain, struct ipcdev_link *link)
{
	WARN_ON_ONCE(ipcdev_is_linked(link));
	if (!chain->first)
		chain->last = link;
	link->next = chain->first;
	chain->first = link;
}

/* Removes and returns the first element; NULL if the chain is empty. */
static inline struct ipcdev_link *ipcdev_chain_pop(struct ipcdev_chain *chain)
{
	struct ipcdev_link *link = chain->first;

	if (link) {
		chain->first = link->next;
		ipcdev_link_init(link);
	}
	return link;
}

/*
 * Reverses the chain.  All its links look linked meanwhile, to whoever asks
 * ipcdev_is_linked() under a lock that the caller doesn't hold.
 */
static inline void ipcdev_chain_reverse(struct ipcdev_chain *chain)
{
	struct ipcdev_link *link = chain->first;
	struct ipcdev_link *before = NULL;

	chain->last = link;
	while (link) {
		struct ipcdev_link *next = link->next;

		WRITE_ONCE(link->next, before);
		before = link;
		link = next;
	}
	chain->first = before;
}

#endif /* IPCDEV_CHAIN_H */
