/* SPDX-License-Identifier: ISC */
/*
 * vm-img open: a loader. Opens and locks an image and all it lies on, leaves the descriptors open as one blk wire, and runs
 * the rest of its arguments, or sends the wire to a machine that runs. The consumer opens nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/fd.h"
#include "common/image/qcow2_state.h"
#include "common/wire.h"
#include "vm-img/chain.h"
#include "vm-img/commands.h"
#include "vm-img/formats.h"
#include "vm-img/open_nbd.h"
#include "vm-img/path.h"

struct opened {
	struct image *top; /* never closed: it has the locks */
	int fds[WIRE_FDS_MAX];
	size_t n;
	char formats[WIRE_TEXT_MAX], data[WIRE_TEXT_MAX]; /* of fmt= and data= */
	char nbd[WIRE_TEXT_MAX]; /* the keys of an NBD server's export, or empty */
	bool all_qcow2, encrypted;
};

struct open_options {
	const char *send_to; /* -S, or NULL */
	const char *key;     /* --key: a file, or NULL */
	const char *more;    /* -o: keys of the wire, or NULL */
	bool read_only;
};

static void PRINTF(2, 3)
append(char text[WIRE_TEXT_MAX], const char *fmt, ...)
{
	size_t n = strlen(text);
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(text + n, WIRE_TEXT_MAX - n, fmt, ap);
	va_end(ap);
	if (len < 0 || (size_t)len >= WIRE_TEXT_MAX - n)
		die("the wire is longer than %d characters", WIRE_TEXT_MAX - 1);
}

/* A descriptor for the program; its lock is that of the one it is made from. */
static void
hand_on(struct opened *o, const struct file *f)
{
	int fd = fcntl(f->fd, F_DUPFD, 10);

	if (fd < 0 || !fd_set_nonblock(fd, false))
		die_sys("%s", f->name);
	if (o->n == WIRE_FDS_MAX)
		die("more than %d files in a chain: vm-img rebase or commit makes it shorter", WIRE_FDS_MAX);
	o->fds[o->n++] = fd;
}

/* The data file that a qcow2 image names; NULL: none. */
static const struct qcow2_ext *
data_file(struct image *i)
{
	struct qcow2 *q = qcow2_of(i);

	return i->format == &format_qcow2 && q->incompatible & QCOW2_DATA_FILE ? qcow2_ext_find(q, QCOW2_EXT_DATA_FILE) : NULL;
}

static void
open_data(struct opened *o, const struct image *i, const struct qcow2_ext *name, const struct path_how *how)
{
	char text[4096], *path;
	struct file *f;
	struct why w;

	if (name->len >= sizeof(text) || memchr(name->data, '\0', name->len))
		die("%s: the name of its data file is no name", i->file->name);
	memcpy(text, name->data, name->len);
	text[name->len] = '\0';
	path = chain_path(i, text);
	f = path_open(path, how, &w);
	if (!f)
		die("%s: data file %s: %s", i->file->name, path, w.text);
	append(o->data, "%s%zu", *o->data ? ":" : "", o->n);
	hand_on(o, f);
}

static void
hand_on_layer(struct opened *o, struct image *i, const struct path_how *how)
{
	const struct qcow2_ext *data = data_file(i);

	if (i->format != &format_raw && i->format != &format_qcow2)
		die("%s: of the format %s, which is not handed on (vm-img convert makes a qcow2 image of it, vm-img serve an NBD export)",
		    i->file->name, i->format->name);
	o->all_qcow2 &= i->format == &format_qcow2;
	o->encrypted |= i->encrypted;
	append(o->formats, "%s%s", *o->formats ? ":" : "", i->format->name);
	hand_on(o, i->file);
	if (data)
		open_data(o, i, data, how);
}

/* The images themselves stay open, and with them the locks, until the program runs. */
static void
open_all(struct opened *o, const struct open_options *opt, struct opening *how)
{
	struct path_how as = {.write = !opt->read_only, .share = how->share};
	struct image *top;

	how->flags = IMAGE_INFO;
	how->writable = !opt->read_only;
	top = o->top = chain_open(how);
	if (!top)
		exit(diag_exit);
	if (!how->format && !how->follow && top->format != &format_raw)
		die("%s: looks like %s: say -f %s, or -f raw if that is only what it holds", how->path, top->format->name,
		    top->format->name);
	o->all_qcow2 = true;
	for (struct image *i = top; i; i = i->backing) {
		hand_on_layer(o, i, &as);
		as.write = false;
	}
	if (o->encrypted && !opt->key)
		die("%s: encrypted: give --key FILE", how->path);
}

/* The key wire; its id. */
static void
export_key(const char *path, char id[32])
{
	char word[64];
	int fd = open(path, O_RDONLY | O_NOCTTY);

	if (fd < 0)
		die_sys("%s", path);
	fd = fd_move_high(fd);
	snprintf(id, 32, "key-%d", fd);
	snprintf(word, sizeof(word), "key,fd=%d,id=%s", fd, id);
	wire_export(word);
}

/* The wire's word; `sent`: its numbers are places in what is sent. */
static void
make_word(char word[WIRE_TEXT_MAX], const struct opened *o, const struct open_options *opt, const char *key, bool sent)
{
	*word = '\0';
	append(word, "blk,fd=");
	for (size_t i = 0; i < o->n; i++)
		append(word, "%s%d", i ? ":" : "", sent ? (int)i : o->fds[i]);
	if (*o->nbd)
		append(word, ",%s", o->nbd);
	else if (strcmp(o->formats, "raw"))
		append(word, ",as=qcow2");
	if (!*o->nbd && strcmp(o->formats, "raw") && !o->all_qcow2)
		append(word, ",fmt=%s", o->formats);
	if (*o->data)
		append(word, ",data=%s", o->data);
	if (*key)
		append(word, ",key=%s", key);
	if (opt->more)
		append(word, ",%s", opt->more);
}

static void
parse(struct open_options *opt, struct options *o, int argc, char **argv)
{
	enum { OPTION_KEY = OPTION_OWN };
	static const struct option longs[] = {
	    {"key", required_argument, NULL, OPTION_KEY}, LONG_FOLLOW, LONG_IMAGE_OPTS, LONG_SHARE, LONG_END,
	};
	int c;

	options_init(o, argv[0]);
	while ((c = options_next(o, argc, argv, "+:f:o:rS:U", longs, "or")) != -1)
		switch (c) {
		case 'o':
			opt->more = optarg;
			break;
		case 'r':
			opt->read_only = true;
			break;
		case 'S':
			opt->send_to = optarg;
			break;
		default:
			opt->key = optarg;
			break;
		}
	if (optind == argc)
		die("no image");
	if (!opt->send_to == (optind + 1 == argc))
		die(opt->send_to ? "-S: takes the place of a program" : "no program to run, and no -S");
	if (opt->send_to && opt->key)
		die("--key: only for a program that is run, not with -S");
	if (o->share && !opt->read_only)
		die("-U: only with -r");
}

/* Whether the word is an NBD server's export, which is connected to then. */
static bool
open_export(struct opened *opened, const struct open_options *opt, const struct options *o, const char *word)
{
	int fd = open_nbd(word, opened->nbd, sizeof(opened->nbd));

	if (fd < 0)
		return false;
	if (opt->read_only || opt->key || (o->format && strcmp(o->format, "raw")))
		die("%s: what an NBD server exports is raw, and read-only where the server says so", word);
	opened->fds[opened->n++] = fd;
	return true;
}

int
cmd_open(int argc, char **argv)
{
	struct open_options opt = {0};
	struct opened opened = {0};
	char word[WIRE_TEXT_MAX], key[32] = "";
	struct opening how;
	struct options o;

	diag_exit = 125;
	parse(&opt, &o, argc, argv);
	if (!open_export(&opened, &opt, &o, argv[optind])) {
		opening_init(&how, &o, argv[optind], o.format, IMAGE_INFO);
		open_all(&opened, &opt, &how);
	}
	if (opt.key && opened.encrypted)
		export_key(opt.key, key);
	make_word(word, &opened, &opt, key, opt.send_to);
	if (opt.send_to)
		return wire_send(opt.send_to, word, opened.fds, opened.n);
	wire_export(word);
	wire_exec(argv + optind + 1);
}
