/* SPDX-License-Identifier: ISC */
/* A running guest, its threads, and where they run: kvm-run's, QEMU's, and those of VMMs that name their threads. */
#ifndef VM_PIN_GUEST_H
#define VM_PIN_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/why.h"
#include "vm-pin/cpulist.h"

#define GUEST_NAME 64

enum thread_kind {
	THREAD_VCPU,
	THREAD_IO,   /* of a device: kvm-run's net0, blk0...; QEMU's iothreads; the kernel's vhost and io_uring workers */
	THREAD_MAIN, /* all others: the event loop, workers that come and go */
};

struct guest_thread {
	pid_t tid;
	enum thread_kind kind;
	unsigned index; /* of a vCPU; 0 for others */
	char name[16];	/* as the kernel has it */
	bool kernel;	/* a thread of the kernel's for this guest (vhost), not one of its process */
};

struct guest {
	pid_t pid;
	int root;		      /* the caller's */
	int proc;		      /* /proc/PID: what is read by it is never of another process that got the same number */
	char name[GUEST_NAME];	      /* of the guest: -I, QEMU's -name; else the program's */
	enum { VMM_KVM_RUN, VMM_QEMU, VMM_OTHER } vmm;
	uint64_t memory; /* bytes that -m gives; 0: it is not there, or cannot be read. See guest_ram */
	struct guest_thread *threads; /* the vCPUs first, by index; then the others by tid */
	size_t nthreads, nvcpus;
	struct talk *talk; /* the control connection (ctl or QMP) by which it was found; NULL: by pid */
	bool contained;	   /* what it says of itself is in numbers of a pid namespace of its own */
};

/*
 * Finds the guest that the word names: a pid; the path of a kvm-run's control socket or of a QEMU's QMP socket; a wire
 * (ctl,fd=N) whose descriptor, which this takes, is connected to one of these. root is of host_root. Returns NULL; or why not,
 * to be said of the word ("no vCPU is among its threads"), with nothing to free.
 */
const char *guest_find(struct guest *g, int root, const char *word, struct why *w);

/* All guests of the host that this user can tell from other processes, ascending by pid; each to be freed, and the array. */
size_t guest_find_all(struct guest **guests, int root);

/* Reads the threads anew: vCPUs come by hot-plug, workers come and go. NULL, or why not, as of guest_find ("it has ended"). */
const char *guest_threads(struct guest *g, struct why *w);
void guest_free(struct guest *g);

const char *thread_kind_name(enum thread_kind kind); /* "vcpu", "io", "main" */

/* Where a thread is and how it fares, from /proc. */
struct placement {
	struct cpus allowed;	 /* its affinity, as cut down by cpusets */
	struct cpus nodes;	 /* that it may take memory from */
	unsigned last;		 /* the CPU on which it ran last */
	uint64_t run, wait;	 /* ns on a CPU; ns that it could have run but had none */
	uint64_t guest;		 /* ns of run within the guest, to the clock's tick */
	unsigned policy;	 /* SCHED_OTHER... */
	unsigned priority;	 /* of real time: 1-99, else 0 */
	int nice;
	char state; /* R, S, D... */
};

/* False, with errno, when the thread has ended (ESRCH, ENOENT). Figures that this kernel does not give are 0. */
bool guest_placement(const struct guest *g, const struct guest_thread *t, struct placement *p);

/* Bytes of RAM: what it says, else what -m gives it, else its mappings that look like it. 0 when they are not for this user. */
uint64_t guest_ram(const struct guest *g);

/* Pages of the process, in bytes, by node: bytes[0..n) are set. False when they are not for this user to know. */
bool guest_memory(const struct guest *g, uint64_t *bytes, unsigned n);

#endif
