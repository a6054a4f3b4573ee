/* SPDX-License-Identifier: ISC */
/* What a wire is, and the checks of its descriptors, from a table of their forms; contracts are in wiring.h. */
#include <fcntl.h>
#include <linux/if_tun.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kvm-run/fdform.h"
#include "kvm-run/wiring.h"
#include "kvm-run/wiring_chain.h"
#include "kvm-run/wiring_keys.h"
#include "kvm-run/wiring_place.h"

#define BYTES_OUT (FORM_FILE | FORM_TTY | FORM_CHAR | FORM_FIFO | FORM_STREAM | FORM_SEQPACKET)
#define CTL_OUT (FORM_FILE | FORM_TTY | FORM_CHAR | FORM_FIFO | FORM_STREAM)
#define COUNT(a) (sizeof(a) / sizeof(*(a)))

enum access { ANY, READ, WRITE, BOTH, IN_OUT /* one of BOTH, or two: READ, WRITE */ };

/* One row a kind and form. The first row of a kind that the first descriptor fits is what its wire is by default. */
struct form_rule {
	enum wire_kind kind;
	enum wire_as as;
	const char *name;    /* of as=, or NULL */
	unsigned first, rest; /* enum fd_form: of the first descriptor and of the others; no rest = only one */
	enum access access;
};

static const struct form_rule form_rules[] = {
    {WIRE_NET, AS_TAP, "tap", FORM_TAP, FORM_TAP, BOTH},
    {WIRE_NET, AS_STREAM, "stream", FORM_STREAM, 0, BOTH},
    {WIRE_NET, AS_VDE, "vde", FORM_STREAM, 0, BOTH},
    {WIRE_NET, AS_PACKET, "packet", FORM_SEQPACKET | FORM_DGRAM, 0, BOTH},
    {WIRE_VHOST, AS_NONE, NULL, FORM_VHOST, FORM_VHOST, BOTH},
    {WIRE_BLK, AS_RAW, "raw", FORM_FILE | FORM_BLOCK, 0, READ},
    {WIRE_BLK, AS_QCOW2, "qcow2", FORM_FILE | FORM_BLOCK, FORM_FILE | FORM_BLOCK, READ},
    {WIRE_BLK, AS_NBD, "nbd", FORM_STREAM, 0, BOTH},
    {WIRE_CON, AS_SERIAL, "serial", BYTES_OUT, BYTES_OUT, IN_OUT},
    {WIRE_CON, AS_VIRTIO, "virtio", BYTES_OUT, BYTES_OUT, IN_OUT},
    {WIRE_CON, AS_DEBUG, "debug", BYTES_OUT, 0, WRITE},
    {WIRE_FB, AS_NONE, NULL, FORM_SEQPACKET, 0, BOTH},
    {WIRE_CTL, AS_STREAM, "stream", FORM_STREAM, CTL_OUT, IN_OUT},
    {WIRE_CTL, AS_LISTEN, "listen", FORM_LISTEN, 0, BOTH},
    {WIRE_CTL, AS_NONE, NULL, FORM_TTY | FORM_FIFO, CTL_OUT, IN_OUT},
    {WIRE_MEM, AS_NONE, NULL, FORM_FILE, 0, BOTH},
    {WIRE_PCAP, AS_NONE, NULL, FORM_ANY, 0, WRITE},
    {WIRE_KERN, AS_NONE, NULL, FORM_FILE, 0, READ},
    {WIRE_INIT, AS_NONE, NULL, FORM_FILE, 0, READ},
    {WIRE_FW, AS_BIOS, "bios", FORM_FILE, 0, READ},
    {WIRE_FW, AS_ROM, "rom", FORM_FILE, 0, READ},
    {WIRE_FW, AS_SPLASH, "splash", FORM_FILE, 0, READ},
    {WIRE_KEY, AS_NONE, NULL, FORM_ANY, 0, READ},
    {WIRE_PCI, AS_NONE, NULL, FORM_VFIO_DEVICE, FORM_ANY, ANY},
    {WIRE_HOLD, AS_NONE, NULL, FORM_ANY, FORM_ANY, ANY},
};

/* What to say a descriptor should have been; kinds that take anything need none. */
static const char *const wanted_forms[WIRE_KINDS] = {
    [WIRE_NET] = "a tap or a stream, seqpacket or dgram socket",
    [WIRE_VHOST] = "an opened /dev/vhost-net",
    [WIRE_BLK] = "a regular file or block device", /* or a socket, by as=nbd */
    [WIRE_CON] = "a terminal, socket, pipe or file",
    [WIRE_FB] = "a seqpacket socket",
    [WIRE_CTL] = "a stream socket, terminal or fifo",
    [WIRE_MEM] = "a memfd or regular file",
    [WIRE_KERN] = "a regular file",
    [WIRE_INIT] = "a regular file",
    [WIRE_FW] = "a regular file",
    [WIRE_PCI] = "a VFIO device",
};

/* The first con wire that is a console, or NULL. */
static const struct wire *
first_console(const struct wires *ws)
{
	for (const struct wire *w = ws->v; w < ws->v + ws->n; w++) {
		const char *as = w->nfds && w->kind == WIRE_CON ? wire_get(w, "as") : "debug";

		if (!as || strcmp(as, "debug"))
			return w;
	}
	return NULL;
}

bool
wiring_has_console(const struct wires *ws)
{
	return first_console(ws);
}

/* What a wire is by its place or its keys, whatever its descriptor; AS_NONE: that tells. */
static enum wire_as
as_by_place(const struct wires *ws, const struct wire *w)
{
	if (w->kind == WIRE_CON)
		return first_console(ws) == w ? AS_SERIAL : AS_VIRTIO;
	if (w->kind == WIRE_FW)
		return wire_get(w, "of") ? AS_ROM : AS_BIOS;
	return AS_NONE;
}

/* By as= if it has one, else by its place or its first descriptor. NULL when nothing fits. */
static const struct form_rule *
rule_of(const struct wires *ws, const struct wire *w)
{
	const char *as = wire_get(w, "as");
	enum wire_as place = as_by_place(ws, w);
	unsigned form = as || place != AS_NONE ? 0 : fd_form(w->fds[0]);

	for (const struct form_rule *r = form_rules; r < form_rules + COUNT(form_rules); r++)
		if (r->kind != w->kind)
			continue;
		else if (as ? r->name && !strcmp(r->name, as) : place != AS_NONE ? r->as == place : r->first & form)
			return r;
	return NULL;
}

enum wire_as
wiring_as(const struct wires *ws, const struct wire *w)
{
	const struct form_rule *r = rule_of(ws, w);

	return r ? r->as : AS_NONE;
}

const char *
wiring_as_name(enum wire_as as)
{
	for (const struct form_rule *r = form_rules; r < form_rules + COUNT(form_rules); r++)
		if (r->name && r->as == as)
			return r->name;
	return "-";
}

bool
wiring_is_vga(const struct wire *w)
{
	const char *model = wire_get(w, "model");

	return w->kind == WIRE_FB && (!model || !strcmp(model, "vga"));
}

const struct wire *
wiring_of(const struct wires *ws, const struct wire *w)
{
	const char *of = wire_get(w, "of");
	const struct wire *net = wires_first(ws, WIRE_NET);

	if (of)
		return wires_find(ws, of);
	for (const struct wire *v = net ? net + 1 : ws->v + ws->n; v < ws->v + ws->n; v++)
		if (v->nfds && v->kind == WIRE_NET)
			return NULL;
	return net;
}

static void
check_access(const struct wire *w, size_t i, enum access need, struct wire_faults *f)
{
	int flags = fcntl(w->fds[i], F_GETFL);
	int mode = flags & O_ACCMODE;
	const char *hint = need == IN_OUT ? " (in and out may be two: fd=IN:OUT)" : "";

	if (need == IN_OUT)
		need = w->nfds == 1 ? BOTH : i ? WRITE : READ;
	if (need == ANY)
		return;
	if (flags & O_PATH)
		wire_fault(f, w, "fd %d: opened with O_PATH", w->fds[i]);
	else if (mode == O_RDONLY && need != READ)
		wire_fault(f, w, "fd %d: read-only%s", w->fds[i], hint);
	else if (mode == O_WRONLY && need != WRITE)
		wire_fault(f, w, "fd %d: write-only%s", w->fds[i], hint);
	else if ((flags & O_APPEND) && w->kind == WIRE_BLK)
		wire_fault(f, w, "fd %d: opened for appending", w->fds[i]);
}

static void
check_tap(const struct wire *w, size_t i, struct wire_faults *f)
{
	unsigned flags = fd_tap_flags(w->fds[i]);

	if (!(flags & IFF_NO_PI))
		wire_fault(f, w, "fd %d: a tap without IFF_NO_PI", w->fds[i]);
	if (w->nfds > 1 && !(flags & IFF_MULTI_QUEUE))
		wire_fault(f, w, "fd %d: a tap without IFF_MULTI_QUEUE", w->fds[i]);
	if (!fd_tap_same(w->fds[0], w->fds[i]))
		wire_fault(f, w, "fd %d: not a queue of the same tap as fd %d", w->fds[i], w->fds[0]);
}

static void
check_mem(const struct wire *w, struct wire_faults *f)
{
	struct stat st;

	if (fstat(w->fds[0], &st) == 0 && (st.st_size == 0 || st.st_size % 4096))
		wire_fault(f, w, "fd %d: its size, %lld, is not a number of pages", w->fds[0], (long long)st.st_size);
}

static void
check_form(const struct wire *w, const struct form_rule *r, size_t i, struct wire_faults *f)
{
	unsigned form = fd_form(w->fds[i]), fits = i ? r->rest : r->first;

	if (!(form & fits)) {
		wire_fault(f, w, "fd %d: %s, not %s", w->fds[i], fd_form_name(form),
		    r->as == AS_NBD ? fd_form_name(FORM_STREAM) : wanted_forms[w->kind]);
		return;
	}
	check_access(w, i, r->access, f);
	if (form == FORM_TAP && r->as == AS_TAP)
		check_tap(w, i, f);
	if ((form & (FORM_STREAM | FORM_SEQPACKET | FORM_DGRAM)) && fits != FORM_ANY && !fd_socket_has_peer(w->fds[i]))
		wire_fault(f, w, "fd %d: not connected", w->fds[i]);
	if (w->kind == WIRE_MEM)
		check_mem(w, f);
}

static void
check_forms(const struct wires *ws, const struct wire *w, struct wire_faults *f)
{
	const struct form_rule *r = rule_of(ws, w);
	const char *as = wire_get(w, "as");
	size_t most = r && r->access == IN_OUT ? 2 : WIRE_FDS_MAX;

	if (!r && as)
		wire_fault(f, w, "as=%s: no form of %s", as, wire_kind_name(w->kind));
	else if (!r && fd_is_open(w->fds[0]))
		wire_fault(f, w, "fd %d: %s, not %s", w->fds[0], fd_form_name(fd_form(w->fds[0])), wanted_forms[w->kind]);
	if (!r)
		return;
	if (w->nfds > (r->rest ? most : 1))
		wire_fault(f, w, "fd: %zu numbers where %s", w->nfds, r->rest ? "in:out is meant" : "one is meant");
	for (size_t i = 0; i < w->nfds; i++)
		if (fd_is_open(w->fds[i]) && (!i || r->rest))
			check_form(w, r, i, f);
}

static void
check(const struct wires *ws, const struct wire *w, bool own, struct wire_faults *f)
{
	wires_check_one(ws, w, f);
	check_forms(ws, w, f);
	wiring_check_keys(w, f);
	if (w->kind == WIRE_BLK)
		wiring_check_chain(ws, w, own, f);
	wiring_check_place(ws, w, f);
}

bool
wiring_check_one(const struct wires *ws, const struct wire *w, char *why, size_t size)
{
	struct wire_faults f = {.why = why, .size = size};

	check(ws, w, true, &f);
	return !f.n;
}

static void
check_all(struct wires *ws, bool own)
{
	struct wire_faults f = {0};

	for (const struct wire *w = ws->v; w < ws->v + ws->n; w++)
		check(ws, w, own, &f);
	ws->faults += f.n;
}

void
wiring_check(struct wires *ws)
{
	check_all(ws, true);
}

void
wiring_check_foreign(struct wires *ws)
{
	check_all(ws, false);
}

void
wiring_print(const struct wires *ws)
{
	for (const struct wire *w = ws->v; w < ws->v + ws->n; w++) {
		printf("%s\t%s\t", w->id, wire_kind_name(w->kind));
		for (size_t i = 0; i < w->nfds; i++)
			printf("%s%d", i ? ":" : "", w->fds[i]);
		printf("\t%s", w->nkeys ? "" : "-");
		for (size_t i = 0; i < w->nkeys; i++)
			printf("%s%s=%s", i ? "," : "", w->keys[i].name, w->keys[i].value);
		printf("\t%s\n", wiring_as_name(wiring_as(ws, w)));
	}
}
