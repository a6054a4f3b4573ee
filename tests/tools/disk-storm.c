/* SPDX-License-Identifier: ISC */
/* pkg: liburing libdeflate libzstd zlib nettle */
/*
 * disk-storm [-1dr] [-k PASSPHRASE] [-s SEED] [-n BATCHES] [-o FILE] FORMAT:PATH...: asynchronous requests, many at once and across each other,
 * to an image as a disk (the top first; data:PATH is the next data file that an image names), checked against a model in
 * memory: what a sector may hold is what it held, or what a request in flight with it put there. At the end FILE is what the
 * disk has to hold. -1: without io_uring; -d: past the page cache, where the
 * file system can, in blocks of 4 KiB; -r: reading alone.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/disk_image.h"
#include "common/image/formats.h"

#define SECTOR 512U
#define BATCH 48
#define CHOICES 24	      /* values that a sector may have after a batch */
#define REQUEST_MAX (300 << 10)
#define INITIAL UINT32_MAX    /* a sector that still is what it was at the start */

static struct file *files[64];
static const struct format *formats[64]; /* NULL: a data file */
static unsigned nfiles, next_data;
static bool read_only, direct;
static const char *passphrase;

static struct loop loop;
static struct disk *disk;
static uint8_t *initial;
static uint64_t sectors;
static uint32_t *model;			/* the value of each sector; 0: zeroes */
static uint32_t (*choices)[CHOICES];	/* of sectors in flight; the first `nchoices` */
static uint8_t *nchoices;
static uint32_t next_value = 1;
static unsigned pending;

static struct request {
	struct disk_req r;
	struct iovec iov[8];
	uint8_t *buf;
	uint64_t first, n;
	uint32_t value;
} requests[BATCH];

static _Noreturn void
fail(const char *what, uint64_t sector)
{
	printf("disk-storm: %s at sector %llu\n", what, (unsigned long long)sector);
	exit(1);
}

static uint64_t state;

static uint64_t
random_below(uint64_t n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (state >> 11) % n;
}

/* What sector n holds when its value is v. */
static void
fill(uint8_t *p, uint64_t n, uint32_t v)
{
	uint64_t words[SECTOR / 8];

	if (v == INITIAL) {
		memcpy(p, initial + n * SECTOR, SECTOR);
		return;
	}
	for (unsigned i = 0; i < SECTOR / 8; i++)
		words[i] = v ? (n << 32 | v) * 0x9e3779b97f4a7c15ULL + i : 0;
	memcpy(p, words, SECTOR);
}

static bool
holds(const uint8_t *p, uint64_t n, uint32_t v)
{
	uint8_t want[SECTOR];

	fill(want, n, v);
	return !memcmp(p, want, SECTOR);
}

/* A value that the sector may have from now on. */
static bool
may_become(uint64_t n, uint32_t v)
{
	if (!nchoices[n])
		choices[n][nchoices[n]++] = model[n];
	if (nchoices[n] == CHOICES)
		return false;
	choices[n][nchoices[n]++] = v;
	return true;
}

static void
done(struct disk_req *r, int err)
{
	(void)r;
	if (err) {
		errno = err;
		perror("disk-storm: request");
		exit(1);
	}
	pending--;
}

/* A place: often near others, often at a cluster's bounds. */
static void
choose(struct request *q)
{
	uint64_t most = 1 + random_below(random_below(4) ? 16 : REQUEST_MAX / SECTOR), at = random_below(sectors);

	if (!random_below(3))
		at &= ~127ULL;
	if (!random_below(2))
		at %= sectors / 8 + 1;
	q->first = at;
	q->n = most < sectors - at ? most : sectors - at;
}

static void
cut(struct request *q)
{
	size_t left = q->n * SECTOR, at = 0;
	unsigned k = 0;

	while (left) {
		size_t part = k == 7 || random_below(2) ? left : 1 + random_below(left);

		q->iov[k++] = (struct iovec){q->buf + at, part};
		at += part;
		left -= part;
	}
	q->r.iov = q->iov;
	q->r.niov = k;
}

static enum disk_op
what(void)
{
	uint64_t n = random_below(20);

	if (read_only)
		return n ? DISK_READ : DISK_FLUSH;
	return n < 7 ? DISK_READ : n < 16 ? DISK_WRITE : n < 17 ? DISK_FLUSH : n < 18 ? DISK_DISCARD : DISK_ZERO;
}

static void
submit(struct request *q)
{
	q->r = (struct disk_req){.op = what(), .done = done};
	if (q->r.op != DISK_FLUSH) {
		choose(q);
		q->r.off = q->first * SECTOR;
		q->r.len = q->n * SECTOR;
		if (!random_below(16))
			q->r.flags |= DISK_FUA;
		if (q->r.op == DISK_ZERO && random_below(2))
			q->r.flags |= DISK_UNMAP;
	}
	q->value = q->r.op == DISK_WRITE ? next_value++ : 0;
	for (uint64_t n = q->first; q->r.op != DISK_READ && q->r.op != DISK_FLUSH && n < q->first + q->n; n++) {
		if (!may_become(n, q->value)) {
			q->r.op = DISK_FLUSH;
			q->r.off = q->r.len = 0;
		}
		if (q->r.op == DISK_WRITE)
			fill(q->buf + (n - q->first) * SECTOR, n, q->value);
	}
	if (q->r.op == DISK_READ || q->r.op == DISK_WRITE)
		cut(q);
	pending++;
	disk_submit(disk, &q->r);
}

/* What is written while it is read may come half: each word is of one of the sector's values. */
static bool
mixed(const uint8_t *p, uint64_t n)
{
	uint8_t want[CHOICES][SECTOR];
	unsigned good = 0;

	for (unsigned c = 0; c < nchoices[n]; c++)
		fill(want[c], n, choices[n][c]);
	for (unsigned at = 0; at < SECTOR; at += 8)
		for (unsigned c = 0; c < nchoices[n]; c++)
			if (!memcmp(p + at, want[c] + at, 8)) {
				good++;
				break;
			}
	return good == SECTOR / 8;
}

static void
check_read(const struct request *q)
{
	for (uint64_t n = q->first; n < q->first + q->n; n++) {
		const uint8_t *p = q->buf + (n - q->first) * SECTOR;

		if (nchoices[n] ? !mixed(p, n) : !holds(p, n, model[n]))
			fail("bytes that were never there are read", n);
	}
}

static void
settle(void)
{
	while (pending)
		if (loop_once(&loop, 10000) < 0)
			exit(1);
}

static void
read_all(uint8_t *buf)
{
	for (uint64_t at = 0; at < sectors * SECTOR; at += 1 << 20) {
		uint64_t len = sectors * SECTOR - at < 1 << 20 ? sectors * SECTOR - at : 1 << 20;
		struct iovec iov = {buf + at, len};
		struct disk_req r = {.op = DISK_READ, .off = at, .len = len, .iov = &iov, .niov = 1, .done = done};

		pending++;
		disk_submit(disk, &r);
		disk_commit(disk);
		settle();
	}
}

/* After a batch: sectors that several requests touched hold what one of them put there. */
static void
look(uint8_t *all)
{
	read_all(all);
	for (uint64_t n = 0; n < sectors; n++) {
		unsigned c = 0;

		while (c < nchoices[n] && !holds(all + n * SECTOR, n, choices[n][c]))
			c++;
		if (nchoices[n] && c == nchoices[n])
			fail("after writes it holds what nobody wrote", n);
		if (nchoices[n])
			model[n] = choices[n][c];
		else if (!holds(all + n * SECTOR, n, model[n]))
			fail("it changed, and nobody changed it", n);
		nchoices[n] = 0;
	}
}

static void
batch(uint8_t *all)
{
	unsigned n = 1 + (unsigned)random_below(BATCH);

	for (unsigned i = 0; i < n; i++) {
		submit(&requests[i]);
		if (!random_below(8))
			disk_commit(disk);
		if (!random_below(32))
			disk_drain(disk);
	}
	disk_commit(disk);
	if (random_below(2))
		disk_drain(disk);
	settle();
	for (unsigned i = 0; i < n; i++)
		if (requests[i].r.op == DISK_READ)
			check_read(&requests[i]);
	look(all);
}

static struct file *
named(void *user, const char *name, bool write, struct why *w)
{
	(void)user, (void)write;
	while (next_data < nfiles && formats[next_data])
		next_data++;
	if (next_data == nfiles)
		why(w, "no data file was given for %s", name);
	return next_data < nfiles ? files[next_data++] : NULL;
}

static struct image *
open_chain(void *user, struct why *w)
{
	struct image *top = NULL, **next = &top;

	(void)user;
	for (unsigned i = 0; i < nfiles; i++) {
		struct image_open how = {.file = files[i], .flags = i || read_only ? 0 : IMAGE_WRITE, .named = named,
		    .secret = (const uint8_t *)passphrase, .secret_len = passphrase ? strlen(passphrase) : 0};

		if (!formats[i])
			continue;
		*next = image_open(formats[i], &how, w);
		if (!*next)
			return NULL;
		next = &(*next)->backing;
	}
	return top;
}

static void
add_file(char *word)
{
	char *path = strchr(word, ':');
	struct why w;
	int fd;

	if (!path)
		exit(2);
	*path++ = '\0';
	fd = open(path, (nfiles && strcmp(word, "data")) || read_only ? O_RDONLY : O_RDWR);
	files[nfiles] = fd < 0 ? NULL : file_open_fd(fd, path, &w);
	if (!files[nfiles]) {
		perror(path);
		exit(1);
	}
	if (direct) {
		file_go_direct(files[nfiles]);
		files[nfiles]->align = 4096;
	}
	formats[nfiles++] = !strcmp(word, "qcow2") ? &format_qcow2 : !strcmp(word, "raw") ? &format_raw : NULL;
}

static void
begin(unsigned flags)
{
	struct why w = {""};

	disk = disk_image_new(files, nfiles, flags, open_chain, NULL);
	if (!disk || disk_prepare(disk, &w) || loop_init(&loop) < 0 || disk_attach(disk, &loop) < 0) {
		printf("disk-storm: %s\n", w.text);
		exit(1);
	}
	sectors = disk->size / SECTOR;
	initial = calloc(sectors, SECTOR);
	model = calloc(sectors, sizeof(*model));
	choices = calloc(sectors, sizeof(*choices));
	nchoices = calloc(sectors, 1);
	for (unsigned i = 0; i < BATCH; i++)
		requests[i].buf = malloc(REQUEST_MAX + SECTOR);
	read_all(initial);
	for (uint64_t n = 0; n < sectors; n++)
		model[n] = INITIAL;
}

static void
put_model(const char *path)
{
	FILE *f = fopen(path, "w");
	uint8_t sector[SECTOR];

	for (uint64_t n = 0; f && n < sectors; n++) {
		fill(sector, n, model[n]);
		fwrite(sector, SECTOR, 1, f);
	}
	if (!f || fclose(f)) {
		perror(path);
		exit(1);
	}
}

int
main(int argc, char **argv)
{
	static uint8_t *all;
	unsigned flags = 0, batches = 20;
	const char *out = NULL;
	int c;

	state = 1;
	while ((c = getopt(argc, argv, "1dk:n:o:rs:")) != -1)
		switch (c) {
		case '1': flags |= DISK_NORING; break;
		case 'd': direct = true; break;
		case 'k': passphrase = optarg; break;
		case 'n': batches = (unsigned)strtoul(optarg, NULL, 10); break;
		case 'o': out = optarg; break;
		case 'r': read_only = true; break;
		case 's': state = strtoull(optarg, NULL, 10) * 2654435761U + 88172645463325252ULL; break;
		default: return 2;
		}
	for (; optind < argc; optind++)
		add_file(argv[optind]);
	begin(flags);
	all = calloc(sectors, SECTOR);
	while (batches--)
		batch(all);
	disk_detach(disk);
	disk_close(disk);
	if (out)
		put_model(out);
	return 0;
}
