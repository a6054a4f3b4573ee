/* SPDX-License-Identifier: ISC */
/* links: vm-img/formats.c */
/*
 * imgio [-r] [-c] -f FORMAT [-b FORMAT:FILE]... FILE [COMMAND]...: an image's own functions, one by one; without commands they are
 * read from stdin, a line each. Each -b is the backing image of the one before. -c: opened to be checked.
 *
 *	read OFF LEN [BYTE]     reads; with BYTE it must be all there is, else prints a hash
 *	write OFF LEN BYTE      zero OFF LEN [unmap]     discard OFF LEN     pack OFF BYTE (a cluster, compressed)
 *	flush     resize SIZE [PREALLOCATION]     empty     map [OFF LEN]     dump (all bytes, to stdout)
 *	kill                    ends at once, as by kill -9
 */
#include <errno.h>
#include <fcntl.h>
#include <libdeflate.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

#include "common/diag.h"
#include "common/image/qcow2.h"
#include "common/num.h"
#include "common/util.h"
#include "vm-img/formats.h"

#define PIECE (1 << 20)
#define WORDS 5

static const char *top_name;

static const struct format *
format_named(const char *name)
{
	const struct format *format = format_find(name);

	if (!format)
		die_usage("%s: no such format", name);
	return format;
}

static struct file *
open_file(const char *name, bool write)
{
	struct why w;
	int fd = open(name, (write ? O_RDWR : O_RDONLY) | O_CLOEXEC);
	struct file *f;

	if (fd < 0)
		die_sys("%s", name);
	f = file_open_fd(fd, name, &w);
	if (!f)
		die("%s: %s", name, w.text);
	return f;
}

/* Names within an image are beside it. */
static struct file *
open_named(void *user, const char *name, bool write, struct why *w)
{
	const char *slash = strrchr(top_name, '/');
	char path[4096];

	(void)user;
	(void)w;
	snprintf(path, sizeof(path), "%.*s%s", name[0] == '/' || !slash ? 0 : (int)(slash + 1 - top_name), top_name, name);
	return open_file(path, write);
}

static struct image *
open_image(const char *format, const char *name, unsigned flags)
{
	struct image_open how = {.file = open_file(name, flags & IMAGE_WRITE), .flags = flags, .named = open_named};
	struct why w;
	struct image *i;

	top_name = name;
	i = image_open(format_named(format), &how, &w);
	if (!i)
		die("%s: %s", name, w.text);
	return i;
}

static uint64_t
size_of(const char *word)
{
	uint64_t n;

	if (!size_parse(word, 1, 0, INT64_MAX, &n))
		die_usage("%s: not a size", word);
	return n;
}

static void
done(struct image *i, const char *what, int err)
{
	if (err)
		die("%s: %s%s%s", what, strerror(-err), i->fault.text[0] ? ": " : "", i->fault.text);
}

/* FNV-1a */
static uint64_t
hash(uint64_t h, const uint8_t *p, size_t n)
{
	while (n--)
		h = (h ^ *p++) * 0x100000001b3ULL;
	return h;
}

/* Reads [off, off + len): to stdout, against a byte, or into a hash. */
static void
read_all(struct image *i, uint64_t off, uint64_t len, const char *expect, bool dump)
{
	static uint8_t buf[PIECE], same[PIECE];
	uint64_t h = 0xcbf29ce484222325ULL, from = off;

	if (expect)
		memset(same, (int)size_of(expect), sizeof(same));
	for (size_t n; len; off += n, len -= n) {
		n = len < PIECE ? len : PIECE;
		done(i, "read", image_read(i, buf, n, off));
		if (dump && fwrite(buf, 1, n, stdout) != n)
			die_sys("stdout");
		if (expect && memcmp(buf, same, n))
			die("read: differs within %zu bytes at %llu", n, (unsigned long long)off);
		h = hash(h, buf, n);
	}
	if (!dump && !expect)
		printf("%llu %016llx\n", (unsigned long long)from, (unsigned long long)h);
}

static int
write_all(struct image *i, uint64_t off, uint64_t len, int byte)
{
	uint8_t *buf = malloc(len ? len : 1);
	int err;

	if (!buf)
		die_sys("memory");
	memset(buf, byte, len);
	err = image_write(i, buf, len, off);
	free(buf);
	return err;
}

static int
pack(struct image *i, uint64_t off, int byte)
{
	struct libdeflate_compressor *c = libdeflate_alloc_compressor(1);
	uint8_t *unit = malloc(i->cluster_size), *packed = malloc(i->cluster_size);
	size_t n;

	if (!c || !unit || !packed)
		die_sys("memory");
	for (uint32_t k = 0; k < i->cluster_size; k++)
		unit[k] = (uint8_t)byte;
	n = i->pack == PACK_ZSTD ? ZSTD_compress(packed, i->cluster_size, unit, i->cluster_size, 1)
				 : libdeflate_deflate_compress(c, unit, i->cluster_size, packed, i->cluster_size - 1);
	n = n && !ZSTD_isError(n) ? (size_t)image_write_packed(i, packed, n, off) : (size_t)-EINVAL;
	libdeflate_free_compressor(c);
	free(unit);
	free(packed);
	return (int)n;
}

static void
print_map(struct image *i, uint64_t off, uint64_t len)
{
	static const char *const kinds[] = {"hole", "zero", "data", "packed"};
	struct extent e;
	unsigned depth;

	for (uint64_t at = off; at < off + len; at += e.len) {
		done(i, "map", image_map_chain(i, at, off + len - at, &e, &depth));
		printf("%llu %llu %u %s", (unsigned long long)at, (unsigned long long)e.len, depth, kinds[e.kind]);
		if (e.kind == EXTENT_DATA || e.allocated)
			printf(" %llu", (unsigned long long)e.off);
		putchar('\n');
	}
}

static bool
is(const char *word, const char *command, int given, int least)
{
	if (strcmp(word, command))
		return false;
	if (given < least)
		die_usage("%s: too few words", command);
	return true;
}

static void
command(struct image *i, char *line)
{
	char *word[WORDS + 1] = {NULL}, *save = NULL;
	uint64_t off, len;
	struct why w;
	int n = 0;

	for (char *p = strtok_r(line, " \t\n", &save); p && n < WORDS; p = strtok_r(NULL, " \t\n", &save))
		word[n++] = p;
	if (!n)
		return;
	off = n > 1 && strcmp(word[0], "dump") ? size_of(word[1]) : 0;
	len = n > 2 && strcmp(word[0], "resize") ? size_of(word[2]) : i->size;
	if (is(word[0], "read", n, 3))
		read_all(i, off, len, word[3], false);
	else if (is(word[0], "dump", n, 1))
		read_all(i, 0, i->size, NULL, true);
	else if (is(word[0], "write", n, 4))
		done(i, word[0], write_all(i, off, len, (int)size_of(word[3])));
	else if (is(word[0], "pack", n, 3))
		done(i, word[0], pack(i, off, (int)len));
	else if (is(word[0], "zero", n, 3))
		done(i, word[0], image_zero(i, off, len, n > 3 ? ZERO_UNMAP : 0));
	else if (is(word[0], "discard", n, 3))
		done(i, word[0], image_discard(i, off, len));
	else if (is(word[0], "flush", n, 1))
		done(i, word[0], image_flush(i));
	else if (is(word[0], "empty", n, 1))
		done(i, word[0], i->format->make_empty ? i->format->make_empty(i) : -ENOTSUP);
	else if (is(word[0], "map", n, 1))
		print_map(i, off, len);
	else if (is(word[0], "kill", n, 1))
		raise(SIGKILL);
	else if (!is(word[0], "resize", n, 2))
		die_usage("%s: no such command", word[0]);
	else if (!i->format->resize || i->format->resize(i, off, word[2], &w))
		die("resize: %s", i->format->resize ? w.text : "not of this format");
}

int
main(int argc, char **argv)
{
	unsigned flags = IMAGE_WRITE;
	const char *format = NULL;
	char *backing[IMAGE_CHAIN_MAX];
	struct image *i, *below;
	size_t nbacking = 0;
	char line[1024];
	int c;

	diag_init(argv[0], 1);
	while ((c = getopt(argc, argv, "+rcf:b:")) != -1)
		if (c == 'r')
			flags &= ~(unsigned)IMAGE_WRITE;
		else if (c == 'c')
			flags |= IMAGE_CHECK;
		else if (c == 'f')
			format = optarg;
		else if (c == 'b' && nbacking < ARRAY_LEN(backing))
			backing[nbacking++] = optarg;
		else
			return 2;
	if (!format || optind == argc)
		die_usage("imgio [-rc] -f FORMAT [-b FORMAT:FILE]... FILE [COMMAND]...");
	i = below = open_image(format, argv[optind], flags);
	for (size_t n = 0; n < nbacking; n++, below = below->backing) {
		char *name = strchr(backing[n], ':');

		if (!name)
			die_usage("-b %s: not FORMAT:FILE", backing[n]);
		*name++ = '\0';
		below->backing = open_image(backing[n], name, 0);
	}
	if (optind + 1 < argc)
		for (int n = optind + 1; n < argc; n++)
			command(i, argv[n]);
	else
		while (fgets(line, sizeof(line), stdin))
			command(i, line);
	c = image_close(i);
	if (c)
		die("close: %s", strerror(-c));
	flush_stdout();
	return 0;
}
