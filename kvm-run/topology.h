/* SPDX-License-Identifier: ISC */
/* How the guest's processors are laid out: threads in cores in sockets. vCPU i is thread i % threads of core
 * i / threads % cores of socket i / threads / cores. */
#ifndef KVM_RUN_TOPOLOGY_H
#define KVM_RUN_TOPOLOGY_H

#include <stddef.h>
#include <stdint.h>

#define TOPOLOGY_CPUS_MAX 1024 /* KVM's own limit is checked when KVM is open */

struct topology {
	unsigned cpus; /* there at the start */
	unsigned max;  /* with those that can be plugged in: sockets * cores * threads */
	unsigned sockets, cores, threads; /* cores of a socket, threads of a core */
	unsigned split; /* ids that share the last cache have this many bits fewer than a socket's: see numa_split */
};

#define TOPOLOGY_ONE {.cpus = 1, .max = 1, .sockets = 1, .cores = 1, .threads = 1}

/* Parses "4", "4,sockets=2", "maxcpus=8,cores=4,threads=2"...: what is not said is derived as QEMU 6.2 and later do it, with
 * cores before sockets. NULL, or the reason, perhaps in why. */
const char *topology_parse(struct topology *t, const char *text, char *why, size_t size);

/* The APIC id of vCPU `index`: its thread, core and socket, each in a field of whole bits (Intel SDM vol. 3, "Hierarchical
 * mapping of CPUID extended topology leaf"; AMD does the same). So ids have gaps where a count is no power of two. */
uint32_t topology_apic_id(const struct topology *t, unsigned index);

/* Bits of the id that number the threads of a core, and the cores of a socket. */
unsigned topology_thread_bits(const struct topology *t);
unsigned topology_core_bits(const struct topology *t);

#endif
