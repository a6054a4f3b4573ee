/* SPDX-License-Identifier: ISC */
/* Wires: the words that say which descriptor is which device. The grammar is normative in vm-wires(7). */
#ifndef COMMON_WIRE_H
#define COMMON_WIRE_H

#include <stdbool.h>
#include <stddef.h>

#define WIRE_FDS_MAX 16   /* descriptors in one wire */
#define WIRE_KEYS_MAX 12  /* keys in one wire */
#define WIRES_MAX 64      /* wires of one machine */
#define WIRE_TEXT_MAX 512 /* bytes of one wire, with its NUL */
#define WIRES_TEXT_MAX 4096

enum wire_kind {
	WIRE_NET,
	WIRE_VHOST,
	WIRE_BLK,
	WIRE_CON,
	WIRE_FB,
	WIRE_CTL,
	WIRE_MEM,
	WIRE_PCAP,
	WIRE_KERN,
	WIRE_INIT,
	WIRE_FW,
	WIRE_KEY,
	WIRE_PCI,
	WIRE_HOLD,
	WIRE_KINDS,
};

struct wire_key {
	const char *name, *value; /* into wire.text */
};

struct wire {
	char text[WIRE_TEXT_MAX]; /* the word, cut up by the parser; keys point into it, so a wire is never copied */
	char why[80];		  /* of a failed parse */
	enum wire_kind kind;
	char id[32]; /* given, or kind and count, e.g. net0 */
	int fds[WIRE_FDS_MAX];
	size_t nfds;
	struct wire_key keys[WIRE_KEYS_MAX]; /* all but fd and id, as given */
	size_t nkeys;
};

struct wires {
	struct wire v[WIRES_MAX]; /* one that was taken out leaves a hole, without descriptors */
	size_t n;
	unsigned faults; /* counted by wires_add and wires_check; each was printed by error() */
	unsigned counts[WIRE_KINDS]; /* for default ids */
};

const char *wire_kind_name(enum wire_kind kind);

/*
 * Parses one word: the grammar, the kind, and the names of its keys (not their values, nor what a consumer offers). Pure:
 * opens and checks no descriptor. On failure returns false with *why in the wire ("unknown key speed"). w->id is empty when
 * the word gives none. Safe on any bytes up to len; w need not be initialized.
 */
bool wire_parse(struct wire *w, const char *word, size_t len, const char **why);

/* The value of a key (id is no key: see w->id), or NULL. */
const char *wire_get(const struct wire *w, const char *key);

/* Adds the words of text (blank-separated; '#' to the end of line is a comment) to ws. Faults are printed and counted. */
void wires_add(struct wires *ws, const char *text, size_t len);

/* Reads $VM_WIRES and unsets it. */
void wires_load_env(struct wires *ws);

/* Reads wires from fd up to EOF and closes it if above 2 (-w @N). */
void wires_load_fd(struct wires *ws, int fd);

/* The word of -w: a wire, or @N for the wires that fd N brings. */
void wires_add_option(struct wires *ws, const char *word);

/*
 * The one descriptor of the one net wire there is; the others are not looked at. -1 when there is none. Exits 2, having said
 * why, when a wire has a fault, or there are several nets or queues.
 */
int wires_only_net(struct wires *ws);

/* Where faults go: each is printed ("net0: WHY") and counted; or, where why is given, the first is written there bare. */
struct wire_faults {
	unsigned n;
	char *why;
	size_t size;
};
void wire_fault(struct wire_faults *f, const struct wire *w, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/*
 * The checks of the consumer rules that need no board: every fd open, none named twice (in:out of one con or ctl may be
 * the same), no id twice, of= names a wire. Sets close-on-exec on every named fd above 2.
 */
void wires_check_one(const struct wires *ws, const struct wire *w, struct wire_faults *f);
void wires_check(struct wires *ws); /* all; printed and counted in ws->faults */

/*
 * A wire that came over the control socket, whose numbers are indexes into fds[0..n): added to ws, its numbers made
 * descriptors, each of which it must name. Not yet checked otherwise. NULL with *why (valid until the next call).
 */
struct wire *wires_plug(struct wires *ws, const char *word, size_t len, const int *fds, size_t n, const char **why);

/* Takes a wire out of ws. Its descriptors stay open: they are whoever's took them. */
void wires_unplug(struct wires *ws, struct wire *w);

/* The wire with that id, or NULL. */
const struct wire *wires_find(const struct wires *ws, const char *id);

/* The first wire of that kind, or NULL. */
const struct wire *wires_first(const struct wires *ws, enum wire_kind kind);

/* Closes every descriptor above 2 that no wire names and that is not `extra` (-1: none). */
void wires_close_others(const struct wires *ws, int extra);

/* Producer: appends a word to $VM_WIRES. Dies when it is no wire or the result would be too long. */
void wire_export(const char *word);

/*
 * Producer: the descriptors of the hold wires in $VM_WIRES, at most max of them; returns how many. A process that takes
 * something back later keeps them open, so that what was set up before is taken back after.
 */
size_t wire_held(int *fds, size_t max);

/*
 * Producer: sends the word over the control socket at `path` with its descriptors (fd numbers in `word` are indexes into
 * fds). Prints the answer's WHY and returns 1 on `no`, 0 on `ok` (whose ID is a note of -v);
 * dies when the socket cannot be used.
 */
int wire_send(const char *path, const char *word, const int *fds, size_t n);

/* Producer: runs the rest of argv. Exits 126 or 127 as env(1) does when it cannot. */
_Noreturn void wire_exec(char **argv);

#endif
