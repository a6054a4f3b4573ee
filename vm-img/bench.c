/* SPDX-License-Identifier: ISC */
/* vm-img bench: how long requests to a disk take, so many of them at a time. Each is a thread's; metadata is for one at a time. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/bytes.h"
#include "common/diag.h"
#include "common/image/unpack.h"
#include "common/num.h"
#include "vm-img/chain.h"
#include "vm-img/commands.h"
#include "vm-img/size.h"

#define DEPTH_MAX 1024

struct bench {
	const char *file;
	uint64_t count, depth, size, step, offset, flush_interval;
	uint8_t pattern;
	bool write, drain;
	struct image *image;
	pthread_mutex_t lock; /* over all that is below, and the image's metadata */
	uint64_t begun, unflushed;
	int err;
};

static uint64_t
number(const char *option, const char *word, uint64_t min, uint64_t max)
{
	uint64_t v;

	if (!num_parse(word, min, max, &v))
		die("bench: %s %s: not a number from %llu to %llu", option, word, (unsigned long long)min, (unsigned long long)max);
	return v;
}

/* What QEMU has several ways to do is done in one here. */
static void
check_engine(const char *word)
{
	if (strcmp(word, "threads") && strcmp(word, "native") && strcmp(word, "io_uring"))
		die("bench: -i %s: threads, native or io_uring", word);
}

static void
parse(struct bench *b, struct options *o, int argc, char **argv)
{
	enum { OPTION_PATTERN = OPTION_OWN, OPTION_FLUSH, OPTION_NO_DRAIN };
	static const struct option longs[] = {
	    {"pattern", required_argument, NULL, OPTION_PATTERN}, {"flush-interval", required_argument, NULL, OPTION_FLUSH},
	    {"no-drain", no_argument, NULL, OPTION_NO_DRAIN},
	    LONG_FOLLOW, LONG_IMAGE_OPTS, LONG_SHARE, LONG_END,
	};
	int c;

	options_init(o, argv[0]);
	while ((c = options_next(o, argc, argv, ":c:d:f:ni:o:qs:S:t:wU", longs, "o")) != -1)
		switch (c) {
		case 'c': b->count = number("-c", optarg, 1, INT32_MAX); break;
		case 'd': b->depth = number("-d", optarg, 1, DEPTH_MAX); break;
		case 'i': check_engine(optarg); break;
		case 'o': b->offset = image_size_word("-o", optarg, 0, INT64_MAX); break;
		case 's': b->size = image_size_word("-s", optarg, 1, INT32_MAX); break;
		case 'S': b->step = image_size_word("-S", optarg, 1, INT32_MAX); break;
		case 'w': b->write = true; break;
		case OPTION_PATTERN: b->pattern = (uint8_t)number("--pattern", optarg, 0, 255); break;
		case OPTION_FLUSH: b->flush_interval = number("--flush-interval", optarg, 1, INT32_MAX); break;
		case OPTION_NO_DRAIN: b->drain = false; break;
		}
	b->file = options_operand(argc, argv, "image");
	if (b->flush_interval && !b->write)
		die("bench: --flush-interval is only available in write tests");
	if (b->flush_interval && b->flush_interval < b->depth)
		die("bench: Flush interval can't be smaller than depth");
	if (!b->step)
		b->step = b->size;
}

/* Reads; what is where is asked with the lock, the bytes are loaded without. */
static int
do_read(struct bench *b, uint8_t *buf, uint64_t off, struct unpacker *u)
{
	struct extent e;
	int err = 0;

	for (uint64_t len = b->size; len && !err; len -= e.len, off += e.len, buf += e.len) {
		err = image_map_chain(b->image, off, len, &e, NULL);
		if (err)
			return err;
		pthread_mutex_unlock(&b->lock);
		err = extent_load(&e, 0, buf, e.len, u);
		pthread_mutex_lock(&b->lock);
	}
	return err;
}

static int
do_write(struct bench *b, const uint8_t *buf, uint64_t off)
{
	int err = image_write(b->image, buf, b->size, off);

	if (err || !b->flush_interval || ++b->unflushed < b->flush_interval)
		return err;
	b->unflushed = 0;
	return image_flush(b->image);
}

static void *
run(void *arg)
{
	struct bench *b = arg;
	struct unpacker *u = unpacker_new();
	uint8_t *buf = malloc(b->size);
	int err = u && buf ? 0 : -ENOMEM;

	if (!err)
		memset(buf, b->pattern, b->size);
	pthread_mutex_lock(&b->lock);
	while (!err && !b->err && b->begun < b->count) {
		/* Round and round the disk, as far as whole requests fit. */
		uint64_t off = (b->offset + b->begun++ * b->step) % (b->image->size - b->size + 1);

		err = b->write ? do_write(b, buf, off) : do_read(b, buf, off, u);
	}
	if (err)
		b->err = err;
	pthread_mutex_unlock(&b->lock);
	unpacker_free(u);
	free(buf);
	return NULL;
}

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* As many threads as there can be, the first one being this. */
static void
run_all(struct bench *b)
{
	pthread_t threads[DEPTH_MAX];
	uint64_t n = 0;

	while (n + 1 < b->depth && n + 1 < b->count && !pthread_create(&threads[n], NULL, run, b))
		n++;
	run(b);
	while (n)
		pthread_join(threads[--n], NULL);
	if (!b->err && b->write)
		b->err = image_flush(b->image);
}

static void
announce(const struct bench *b)
{
	printf("Sending %llu %s requests, %llu bytes each, %llu in parallel (starting at offset %llu, step size %llu)\n",
	    (unsigned long long)b->count, b->write ? "write" : "read", (unsigned long long)b->size, (unsigned long long)b->depth,
	    (unsigned long long)b->offset, (unsigned long long)b->step);
	if (b->flush_interval)
		printf("Sending flush every %llu %srequests\n", (unsigned long long)b->flush_interval, b->drain ? "drained " : "");
	fflush(stdout);
}

int
cmd_bench(int argc, char **argv)
{
	struct bench b = {.count = 75000, .depth = 64, .size = 4096, .drain = true, .lock = PTHREAD_MUTEX_INITIALIZER};
	struct opening how;
	struct options o;
	double begin;
	int err;

	parse(&b, &o, argc, argv);
	opening_init(&how, &o, b.file, o.format, b.write ? IMAGE_WRITE : 0);
	b.image = chain_open_sealed(&how);
	if (!b.image)
		return 1;
	if (b.size > b.image->size)
		die("%s: shorter than one request", b.file);
	announce(&b);
	begin = now();
	run_all(&b);
	begin = now() - begin;
	err = image_close(b.image);
	if (b.err || err)
		die("%s: %s", b.file, strerror(b.err ? -b.err : -err));
	printf("Run completed in %3.3f seconds.\n", begin);
	return 0;
}
