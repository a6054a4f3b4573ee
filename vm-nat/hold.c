/* SPDX-License-Identifier: ISC */
/* Holding; the contracts are in hold.h. */
#include <netinet/in.h>
#include <linux/capability.h>
#include <linux/netfilter.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/fd.h"
#include "common/keeper.h"
#include "common/nft_message.h"
#include "common/wire.h"
#include "vm-nat/apply.h"
#include "vm-nat/hold.h"
#include "vm-nat/knob.h"
#include "vm-nat/plan.h"

int
holder_record(struct holder *h, const struct settings *s, uint32_t generation)
{
	struct table t = { .family = NFPROTO_INET, .owner = true };
	struct netlink_batch b = { 0 };
	int err;

	h->nl.fd = -1;
	if (!settings_any(s))
		return 0;
	open_netlink(&h->nl, NETLINK_NETFILTER);
	snprintf(t.name, sizeof(t.name), UNDO_PREFIX "%d", getpid());
	snprintf(h->table, sizeof(h->table), "%s", t.name);
	settings_record(s, &t);
	nft_begin(&b, &generation);
	table_put(&b, &t, false);
	nft_end(&b);
	err = netlink_commit(&h->nl, &b, NULL);
	table_free(&t);
	if (err)
		netlink_close(&h->nl);
	return err;
}

static int
take_back(void *arg)
{
	struct holder *h = arg;
	int turn = knob_turn();

	undo_table(&h->nl, h->table);
	knob_turn_end(turn);
	return 0;
}

void
holder_start(struct holder *h, struct netlink *table)
{
	char word[64];
	int pipe;

	table->fd = fd_move_high(table->fd);
	snprintf(word, sizeof(word), "hold,fd=%d", table->fd);
	if (h->nl.fd >= 0) {
		pipe = keeper_hold("vm-nat", CAP_NET_ADMIN, &h->nl.fd, 1, NULL, take_back, h);
		if (pipe < 0)
			die("what puts settings back: %s", strerror(-pipe));
		netlink_close(&h->nl);
		snprintf(word, sizeof(word), "hold,fd=%d:%d", table->fd, fd_move_high(pipe));
	}
	wire_export(word);
}
