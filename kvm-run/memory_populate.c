/* SPDX-License-Identifier: ISC */
/* Taking memory from the host; the contract is in memory_populate.h. */
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/bytes.h"
#include "common/progress.h"
#include "kvm-run/memory_populate.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14 */
#endif

#define THREADS_MAX 32
#define PIECE (64ULL << 20) /* what a thread takes at a time: long enough to be worth a call, short for showing progress */

struct work {
	const struct guest_mem *m;
	bool zero;
	uint64_t piece;
	_Atomic uint64_t next, done;
	atomic_int err; /* the first one's */
};

/* Linux before 5.14: the kernel adds 0 to a word of each page. Atomically, so that nothing that is there changes; and where
 * there is no page it says EFAULT, when doing so ourselves would end in SIGBUS. */
static int
take_old(uint8_t *at, uint64_t size, uint64_t page)
{
	const unsigned add_0 = FUTEX_OP(FUTEX_OP_ADD, 0, FUTEX_OP_CMP_EQ, 0);

	for (uint8_t *end = at + size; at < end; at += page)
		if (syscall(SYS_futex, at, FUTEX_WAKE_OP | FUTEX_PRIVATE_FLAG, 0, 0UL, at, add_0) < 0)
			return errno;
	return 0;
}

int
memory_take(const struct guest_mem *m, void *at, uint64_t len)
{
	while (madvise(at, len, MADV_POPULATE_WRITE) < 0) {
		if (errno == EINVAL)
			return take_old(at, len, m->page);
		if (errno != EINTR)
			return errno;
	}
	return 0;
}

/* Takes the next piece. False: none is left, or somebody failed. */
static bool
work_once(struct work *k)
{
	const struct guest_mem *m = k->m;
	uint64_t at = atomic_fetch_add(&k->next, k->piece), size;
	int err, none = 0;

	if (at >= m->size || k->err)
		return false;
	size = min_u64(k->piece, m->size - at);
	err = memory_take(m, m->base + at, size);
	if (err) {
		atomic_compare_exchange_strong(&k->err, &none, err);
		return false;
	}
	if (k->zero)
		memset(m->base + at, 0, size);
	k->done += size;
	return true;
}

static void *
thread_main(void *arg)
{
	while (work_once(arg))
		;
	return NULL;
}

static unsigned
threads_wanted(const struct work *k)
{
	uint64_t pieces = (k->m->size + k->piece - 1) / k->piece;
	cpu_set_t set;
	int cpus = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : THREADS_MAX; /* EINVAL: over 1024 CPUs */

	return (unsigned)min_u64(min_u64((uint64_t)cpus, THREADS_MAX), pieces);
}

static void
work_all(struct work *k, struct progress *p)
{
	pthread_t threads[THREADS_MAX];
	unsigned n = 0, wanted = threads_wanted(k);

	/* A thread that cannot be had only makes it slower. */
	while (n + 1 < wanted && pthread_create(&threads[n], NULL, thread_main, k) == 0)
		n++;
	while (work_once(k))
		progress_set(p, k->done, k->m->size);
	while (n)
		pthread_join(threads[--n], NULL);
}

static const char *
reason(const struct work *k, struct why *w)
{
	unsigned long long done = k->done >> 20, all = k->m->size >> 20;

	if (k->err == EFAULT && k->m->page > 4096)
		return why(w, "no huge page is left after %llu of %llu MiB", done, all);
	if (k->err == EFAULT && k->m->fd >= 0)
		return why(w, "no room for its file, or that was cut short, after %llu of %llu MiB", done, all);
	return why(w, "%s, after %llu of %llu MiB", strerror(k->err), done, all);
}

const char *
memory_populate(const struct guest_mem *m, bool zero, bool show, struct why *w)
{
	struct work k = {.m = m, .zero = zero, .piece = m->page > PIECE ? m->page : PIECE};
	struct progress p;

	progress_begin(&p, show, false, stderr);
	p.what = "kvm-run: memory";
	work_all(&k, &p);
	if (k.err)
		return reason(&k, w);
	progress_end(&p, m->size);
	return NULL;
}
