/* SPDX-License-Identifier: ISC */
/* The control requests of the balloon. In sizes it is as QEMU's: what the guest keeps, not what it gives up. */
#include <inttypes.h>
#include <time.h>

#include "common/bytes.h"
#include "common/num.h"
#include "kvm-run/ctl_balloon.h"
#include "kvm-run/virtio_balloon.h"
#include "kvm-run/virtio_mem.h"
#include "kvm-run/vm.h"

#define PATIENCE 2 /* seconds for the guest's answer; then what it said before is told */

/* By tag: virtio 1.2, 5.5.6.4; the last six are newer. Sizes are in bytes. */
static const char *const names[BALLOON_STATS] = {
    "swapped-in", "swapped-out", "major-faults", "minor-faults", "free", "total", "available", "caches",
    "huge-pages-allocated", "huge-pages-failed",
    "oom-kills", "allocation-stalls", "scanned", "scanned-directly", "reclaimed", "reclaimed-directly",
};

/* With what is plugged in. */
static uint64_t
memory_of(struct vm *vm)
{
	struct virtio_mem_state s = {0};

	if (vm->memdev)
		virtio_mem_get(vm->memdev, &s);
	return vm->mem.size + s.plugged;
}

static uint64_t
kept(struct vm *vm, uint64_t given)
{
	return memory_of(vm) - min_u64(given, memory_of(vm));
}

static void
print(struct vm *vm, struct ctl_answer *a)
{
	struct balloon_state s;
	struct timespec now;

	balloon_get(vm->balloon, &s);
	clock_gettime(CLOCK_MONOTONIC, &now);
	ctl_print(a, "memory\t%" PRIu64 "\n", memory_of(vm));
	ctl_print(a, "target\t%" PRIu64 "\n", kept(vm, s.target));
	ctl_print(a, "actual\t%" PRIu64 "\n", kept(vm, s.actual));
	ctl_print(a, "driver\t%s\n", s.driver ? "yes" : "no");
	ctl_print(a, "returned\t%" PRIu64 "\n", s.returned);
	if (!s.stats.count)
		return;
	ctl_print(a, "said-ago\t%" PRIu64 "\n", (uint64_t)now.tv_sec - s.stats.at);
	for (unsigned i = 0; i < BALLOON_STATS; i++)
		if (s.stats.value[i] != UINT64_MAX)
			ctl_print(a, "%s\t%" PRIu64 "\n", names[i], s.stats.value[i]);
}

static enum ctl_done
has_told(struct vm *vm, unsigned before)
{
	struct balloon_state s;

	balloon_get(vm->balloon, &s);
	return s.stats.count != before ? CTL_OK : CTL_WAIT;
}

enum ctl_done
ctl_balloon_show(struct ctl_request *r, char **word)
{
	struct balloon_state s;

	(void)word;
	if (!r->vm->balloon)
		return ctl_no(r, "no balloon");
	balloon_get(r->vm->balloon, &s);
	if (!r->vm->paused && balloon_ask(r->vm->balloon)) {
		r->wait = (struct ctl_wait){.done = has_told, .print = print, .what = s.stats.count, .seconds = PATIENCE};
		return CTL_WAIT;
	}
	print(r->vm, r->answer);
	return CTL_OK;
}

enum ctl_done
ctl_balloon_set(struct ctl_request *r, char **word)
{
	uint64_t all = memory_of(r->vm), size;

	if (!r->vm->balloon)
		return ctl_no(r, "no balloon");
	if (!size_parse(word[1], 1 << 20, 1 << 20, all, &size))
		return ctl_no(r, "%s: not a size from 1M to %" PRIu64 "M", word[1], all >> 20);
	balloon_set(r->vm->balloon, all - size);
	return CTL_OK;
}
