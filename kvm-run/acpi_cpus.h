/* SPDX-License-Identifier: ISC */
/* The processors in the ACPI tables: their entries in the MADT, their devices in the DSDT. */
#ifndef KVM_RUN_ACPI_CPUS_H
#define KVM_RUN_ACPI_CPUS_H

#include "kvm-run/acpi.h"
#include "kvm-run/aml.h"
#include "kvm-run/topology.h"

#define ACPI_CPU_ENABLED 1U
#define ACPI_CPU_ONLINE_CAPABLE 2U
#define ACPI_CPU_EVENTS "CEVT" /* the method in \_SB that tells of what came and is to go */

/* Can processors come and go? */
static inline bool
acpi_hot_cpus(const struct acpi_board *b)
{
	return b->cpus->max > b->cpus->cpus;
}

static inline bool
acpi_cpu_there(const struct acpi_board *b, unsigned n)
{
	return b->plugged ? b->plugged[n] : n < b->cpus->cpus;
}

/* A MADT entry (ACPI 6.5, 5.2.12.2 and 12); flags are ACPI_CPU_.... */
void acpi_cpu_entry(struct aml *a, uint32_t uid, uint32_t apic_id, uint32_t flags);

/* All processors, within \_SB; if acpi_hot_cpus with their registers, methods and ACPI_CPU_EVENTS. */
void acpi_cpus(struct aml *a, const struct acpi_board *b);

/* Resources: the ports of these registers. */
void acpi_cpu_ports(struct aml *a, const struct acpi_board *b);

#endif
