/* SPDX-License-Identifier: ISC */
/* Wires of taps; the contracts are in handover.h. */
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/diag.h"
#include "common/fd.h"
#include "common/seal.h"
#include "common/wire.h"
#include "vm-tap/handover.h"

#define VHOST "/dev/vhost-net"

/* Appends to a word. It has room for all there may be: 16 numbers, an address, an MTU. */
static void PRINTF(2, 3)
append(char word[WIRE_TEXT_MAX], const char *fmt, ...)
{
	size_t len = strlen(word);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(word + len, WIRE_TEXT_MAX - len, fmt, ap);
	va_end(ap);
}

static void
append_fds(char word[WIRE_TEXT_MAX], const int *fds, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		append(word, "%s%d", i ? ":" : "", fds[i]);
}

/* A macvtap delivers what is for its own address, so the guest must have that. */
static void
net_word(char word[WIRE_TEXT_MAX], const struct want *w, const struct tap *t, const int *fds)
{
	const uint8_t *mac = w->lower ? t->mac : w->mac;

	strcpy(word, "net,fd=");
	append_fds(word, fds, t->n);
	if (w->has_mac || w->lower)
		append(word, ",mac=%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
	if (t->mtu != 1500)
		append(word, ",mtu=%u", t->mtu);
}

/* The id of the net wire that was added last. */
static void
add_id(char word[WIRE_TEXT_MAX])
{
	static struct wires ws;
	const char *text = getenv("VM_WIRES");

	if (text)
		wires_add(&ws, text, strlen(text));
	if (!ws.n || ws.faults)
		exit(diag_exit);
	append(word, ",of=%s", ws.v[ws.n - 1].id);
}

/* A guest runs without, only slower; so it is no reason not to. */
static void
export_vhost(unsigned n)
{
	char word[WIRE_TEXT_MAX] = "vhost,fd=";
	int fds[WIRE_FDS_MAX];

	for (unsigned i = 0; i < n; i++) {
		fds[i] = open(VHOST, O_RDWR | O_CLOEXEC);
		if (fds[i] < 0) {
			warn_sys(VHOST);
			return;
		}
		fds[i] = fd_move_high(fds[i]);
	}
	append_fds(word, fds, n);
	add_id(word);
	wire_export(word);
}

void
handover_exec(const struct options *o, struct tap *t)
{
	char word[WIRE_TEXT_MAX];

	for (unsigned i = 0; i < t->n; i++)
		t->fds[i] = fd_move_high(t->fds[i]);
	net_word(word, &o->want, t, t->fds);
	wire_export(word);
	if (o->vhost)
		export_vhost(t->n);
	if (t->hold >= 0) {
		snprintf(word, sizeof(word), "hold,fd=%d", fd_move_high(t->hold));
		wire_export(word);
	}
	if (o->user)
		seal_user(o->user);
	wire_exec(o->rest);
}

int
handover_send(const struct options *o, const struct tap *t)
{
	int indexes[WIRE_FDS_MAX];
	char word[WIRE_TEXT_MAX];

	for (unsigned i = 0; i < t->n; i++)
		indexes[i] = (int)i;
	net_word(word, &o->want, t, indexes);
	if (o->user)
		seal_user(o->user);
	return wire_send(o->send_to, word, t->fds, t->n);
}
