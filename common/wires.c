/* SPDX-License-Identifier: ISC */
/* The wires of one machine: gathered from their carriers, checked against each other; the contracts are in wire.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/fd.h"
#include "common/num.h"
#include "common/wire.h"

/* The words of strangers are printed only as far as they are printable. */
static void
word_fault(struct wires *ws, const char *word, size_t len, const char *why)
{
	char shown[80];
	size_t n = 0;

	for (; n < len && n < sizeof(shown) - 4; n++)
		shown[n] = word[n] > ' ' && word[n] < 127 ? word[n] : '?';
	strcpy(shown + n, n < len ? "..." : "");
	error("wire '%s': %s", shown, why);
	ws->faults++;
}

/* An id the wire did not give: its kind and how many of that kind came before. */
static void
name_wire(struct wires *ws, struct wire *w)
{
	unsigned count = ws->counts[w->kind]++;

	if (!w->id[0])
		snprintf(w->id, sizeof(w->id), "%s%u", wire_kind_name(w->kind), count);
}

/* False when there is no room for more. */
static bool
add_word(struct wires *ws, const char *word, size_t len)
{
	struct wire *w;
	const char *why;

	if (ws->n == WIRES_MAX) {
		word_fault(ws, word, len, "a machine has at most 64 wires");
		return false;
	}
	w = &ws->v[ws->n];
	if (!wire_parse(w, word, len, &why)) {
		word_fault(ws, word, len, why);
		return true;
	}
	ws->n++;
	name_wire(ws, w);
	return true;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n';
}

void
wires_add(struct wires *ws, const char *text, size_t len)
{
	for (size_t i = 0, start; i < len;) {
		if (is_blank(text[i])) {
			i++;
			continue;
		}
		for (start = i; i < len && (text[start] == '#' ? text[i] != '\n' : !is_blank(text[i])); i++)
			;
		if (text[start] != '#' && !add_word(ws, text + start, i - start))
			return;
	}
}

static void
add_carrier(struct wires *ws, const char *carrier, const char *text, size_t len)
{
	if (len < WIRES_TEXT_MAX) {
		wires_add(ws, text, len);
		return;
	}
	error("%s: longer than %d characters", carrier, WIRES_TEXT_MAX - 1);
	ws->faults++;
}

void
wires_load_env(struct wires *ws)
{
	const char *text = getenv("VM_WIRES");

	if (text)
		add_carrier(ws, "VM_WIRES", text, strlen(text));
	unsetenv("VM_WIRES");
}

void
wires_load_fd(struct wires *ws, int fd)
{
	char text[WIRES_TEXT_MAX], carrier[24];
	ssize_t len = fd_read_all(fd, text, sizeof(text));

	snprintf(carrier, sizeof(carrier), "-w @%d", fd);
	if (len < 0) {
		error("%s: %s", carrier, strerror(errno));
		ws->faults++;
		return;
	}
	add_carrier(ws, carrier, text, (size_t)len);
	/* A closed 0 would be the next file opened; at its end it is as good as closed. */
	if (fd > 2)
		close(fd);
}

void
wire_fault(struct wire_faults *f, const struct wire *w, const char *fmt, ...)
{
	char why[200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	if (!f->why)
		error("%s: %s", w->id, why);
	else if (!f->n)
		snprintf(f->why, f->size, "%s", why);
	f->n++;
}

/* The first place before fds[end] of w that names that fd already, as its wire; NULL when it is new. */
static const struct wire *
named_before(const struct wires *ws, const struct wire *w, size_t end)
{
	for (const struct wire *v = ws->v; v <= w; v++)
		for (size_t i = 0; i < (v == w ? end : v->nfds); i++)
			if (v->fds[i] == w->fds[end])
				return v;
	return NULL;
}

/* 0..2 stay open across exec like everybody's; setting the flag of the others is also the test that they are open. */
static bool
check_open(int fd)
{
	return fd > 2 ? fd_set_cloexec(fd, true) : fcntl(fd, F_GETFD) >= 0;
}

static void
check_fd(const struct wires *ws, const struct wire *w, size_t i, struct wire_faults *f)
{
	const struct wire *other = named_before(ws, w, i);
	bool two_way = w->kind == WIRE_CON || w->kind == WIRE_CTL;
	const char *hint = "";

	if (!check_open(w->fds[i])) {
		if (errno == EBADF && (getenv("SUDO_USER") || getenv("DOAS_USER")))
			hint = " (sudo and doas close it: put them first)";
		wire_fault(f, w, "fd %d: %s%s", w->fds[i], strerror(errno), hint);
	} else if (other && other != w) {
		wire_fault(f, w, "fd %d: already %s", w->fds[i], other->id);
	} else if (other && !two_way) {
		wire_fault(f, w, "fd %d: given twice", w->fds[i]);
	}
}

const struct wire *
wires_find(const struct wires *ws, const char *id)
{
	for (const struct wire *w = ws->v; w < ws->v + ws->n; w++)
		if (w->nfds && !strcmp(w->id, id))
			return w;
	return NULL;
}

void
wires_check_one(const struct wires *ws, const struct wire *w, struct wire_faults *f)
{
	const char *of = wire_get(w, "of");

	if (wires_find(ws, w->id) != w)
		wire_fault(f, w, "id: given twice");
	for (size_t i = 0; i < w->nfds; i++)
		check_fd(ws, w, i, f);
	if (of && !wires_find(ws, of))
		wire_fault(f, w, "of=%s: no such wire", of);
}

void
wires_check(struct wires *ws)
{
	struct wire_faults f = {0};

	for (const struct wire *w = ws->v; w < ws->v + ws->n; w++)
		wires_check_one(ws, w, &f);
	ws->faults += f.n;
}

/* Makes indexes into fds descriptors. */
static bool
resolve(struct wire *w, const int *fds, size_t n)
{
	unsigned named = 0;

	for (size_t i = 0; i < w->nfds; i++) {
		if ((size_t)w->fds[i] >= n) {
			snprintf(w->why, sizeof(w->why), "fd %d: only %zu descriptors came", w->fds[i], n);
			return false;
		}
		named |= 1U << w->fds[i];
		w->fds[i] = fds[w->fds[i]];
	}
	if (named + 1 != 1U << n) {
		snprintf(w->why, sizeof(w->why), "a descriptor came that it does not name");
		return false;
	}
	return true;
}

struct wire *
wires_plug(struct wires *ws, const char *word, size_t len, const int *fds, size_t n, const char **why)
{
	const struct wire *other;
	struct wire *w = ws->v;

	while (w < ws->v + ws->n && w->nfds)
		w++;
	if (w == ws->v + WIRES_MAX) {
		*why = "a machine has at most 64 wires";
		return NULL;
	}
	if (!wire_parse(w, word, len, why) || !resolve(w, fds, n)) {
		w->nfds = 0;
		return NULL;
	}
	name_wire(ws, w);
	other = wires_find(ws, w->id);
	if (other && other != w) {
		*why = "id: already there";
		w->nfds = 0;
		return NULL;
	}
	if (w == ws->v + ws->n)
		ws->n++;
	return w;
}

void
wires_unplug(struct wires *ws, struct wire *w)
{
	w->nfds = 0;
	while (ws->n && !ws->v[ws->n - 1].nfds)
		ws->n--;
}

void
wires_close_others(const struct wires *ws, int extra)
{
	int keep[WIRES_MAX * WIRE_FDS_MAX + 1] = {extra};
	size_t n = 1;

	for (const struct wire *w = ws->v; w < ws->v + ws->n; w++)
		for (size_t i = 0; i < w->nfds; i++)
			keep[n++] = w->fds[i];
	fd_close_others(keep, n);
}

const struct wire *
wires_first(const struct wires *ws, enum wire_kind kind)
{
	for (const struct wire *w = ws->v; w < ws->v + ws->n; w++)
		if (w->nfds && w->kind == kind)
			return w;
	return NULL;
}

void
wires_add_option(struct wires *ws, const char *word)
{
	if (*word == '@')
		wires_load_fd(ws, (int)num_opt('w', word + 1, 0, 1 << 20));
	else
		wires_add(ws, word, strlen(word));
}

int
wires_only_net(struct wires *ws)
{
	const struct wire *net = NULL;

	wires_check(ws);
	if (ws->faults)
		exit(2);
	for (size_t i = 0; i < ws->n; i++) {
		if (ws->v[i].kind != WIRE_NET)
			continue;
		if (net)
			die_usage("%s: a second net wire: one network has one cable", ws->v[i].id);
		net = &ws->v[i];
	}
	if (net && net->nfds != 1)
		die_usage("%s: several queues: a single one is needed", net->id);
	return net ? net->fds[0] : -1;
}
