/* SPDX-License-Identifier: ISC */
/* KVM's binary statistics (KVM API, 4.133): a header, descriptors that name the counters, the counters. */
#include <linux/kvm.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/util.h"
#include "kvm-run/stats.h"
#include "kvm-run/stats_kvm.h"

#define DESCRIPTORS_MAX 1024 /* there are about a hundred */

/* Those that tell something to whoever runs guests. */
static const struct {
	const char *kernel, *name;
} shown[] = {
    {"exits", "exits"}, {"halt_exits", "halts"}, {"irq_exits", "interrupts"}, {"irq_injections", "injected"},
    {"hypercalls", "hypercalls"}, {"insn_emulation", "emulated"}, {"pf_taken", "faults"}, {"tlb_flush", "tlb-flushes"},
    {"preemption_reported", "preempted"}, {"halt_wait_ns", "halted-ns"},
};

static const char *
name_of(const struct kvm_stats_desc *d)
{
	for (size_t i = 0; i < ARRAY_LEN(shown); i++)
		if (!strcmp(d->name, shown[i].kernel))
			return shown[i].name;
	return NULL;
}

static bool
read_at(int fd, uint64_t off, void *to, size_t len)
{
	return pread(fd, to, len, (off_t)off) == (ssize_t)len;
}

static void
show(struct stats_sink *s, int fd, const struct kvm_stats_header *h, const char *descriptors, size_t each)
{
	for (uint32_t i = 0; i < h->num_desc; i++) {
		const struct kvm_stats_desc *d = (const void *)(descriptors + i * each);
		const char *name = name_of(d);
		uint64_t value;

		if (name && d->size == 1 && read_at(fd, h->data_offset + d->offset, &value, sizeof(value)))
			s->number(s, name, value);
	}
}

int
stats_kvm_open(int vcpu_fd)
{
	return ioctl(vcpu_fd, KVM_GET_STATS_FD, NULL);
}

void
stats_kvm(struct stats_sink *s, int fd)
{
	struct kvm_stats_header h;
	char *descriptors;
	size_t each;

	if (fd < 0 || !read_at(fd, 0, &h, sizeof(h)) || h.num_desc > DESCRIPTORS_MAX)
		return;
	each = sizeof(struct kvm_stats_desc) + h.name_size;
	descriptors = malloc(h.num_desc * each);
	if (descriptors && read_at(fd, h.desc_offset, descriptors, h.num_desc * each))
		show(s, fd, &h, descriptors, each);
	free(descriptors);
}
