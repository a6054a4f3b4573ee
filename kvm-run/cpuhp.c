/* SPDX-License-Identifier: ISC */
/* Hot-plug of vCPUs; the contracts are in cpuhp.h. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/diag.h"
#include "common/num.h"
#include "kvm-run/cpuhp.h"
#include "kvm-run/ctl.h"
#include "kvm-run/lpc.h"
#include "kvm-run/vcpu.h"
#include "kvm-run/vm.h"

/* What is to be notified of: ACPI 6.5, table 5.171 */
#define NOTIFY_DEVICE_CHECK 1U
#define NOTIFY_EJECT 3U
#define NO_EVENT UINT32_MAX

#define STA_THERE 0x0f /* 6.3.7: present, enabled, shown, working */
#define OST_EJECT_IN_PROGRESS 0x84 /* 6.3.5.2 */

struct cpuhp_cpu {
	bool there;   /* for the guest, which may just have let go of it */
	bool added, wanted; /* events that the guest has not taken yet */
	bool asked;   /* for it, and there is no answer */
	bool refused;
	bool ejected; /* not yet removed */
};

struct cpuhp {
	struct vm *vm;
	pthread_mutex_t lock; /* the array */
	struct cpuhp_cpu cpus[];
};

static uint32_t
take_event(struct cpuhp *h)
{
	for (unsigned i = 0; i < h->vm->opt.cpus.max; i++) {
		struct cpuhp_cpu *c = &h->cpus[i];
		uint32_t what = c->wanted ? NOTIFY_EJECT : NOTIFY_DEVICE_CHECK;

		if (!c->wanted && !c->added)
			continue;
		c->wanted = c->added = false;
		return i | what << 16;
	}
	return NO_EVENT;
}

/* Without the boot vCPU there would be none to go on. */
static bool
eject(struct cpuhp *h, unsigned i)
{
	struct cpuhp_cpu *c = &h->cpus[i];

	if (!i || !c->there)
		return false;
	*c = (struct cpuhp_cpu){.ejected = true};
	return true;
}

static bool
refuse(struct cpuhp_cpu *c, uint8_t status)
{
	if (!c->asked || status == OST_EJECT_IN_PROGRESS)
		return false;
	c->asked = false;
	c->refused = true;
	return true;
}

/* Accesses of other widths than those of our own AML are none. */
static void
access_registers(void *dev, uint64_t off, void *data, unsigned len, bool write)
{
	struct cpuhp *h = dev;
	uint8_t *byte = data;
	bool changed = false;
	uint32_t event;

	pthread_mutex_lock(&h->lock);
	if (off == 0 && len == 4 && !write) {
		event = take_event(h);
		memcpy(data, &event, sizeof(event));
	} else if (off >= CPUHP_STATUS && len == 1) {
		unsigned i = (unsigned)off - CPUHP_STATUS;

		if (write)
			changed = *byte ? refuse(&h->cpus[i], *byte) : eject(h, i);
		else
			*byte = h->cpus[i].there ? STA_THERE : 0;
	}
	pthread_mutex_unlock(&h->lock);
	if (changed)
		ctl_wake(h->vm);
}

int
cpuhp_init(struct vm *vm)
{
	const struct topology *t = &vm->opt.cpus;
	struct cpuhp *h;

	if (t->cpus == t->max)
		return 0;
	h = calloc(1, sizeof(*h) + t->max * sizeof(h->cpus[0]));
	if (!h)
		return -ENOMEM;
	h->vm = vm;
	pthread_mutex_init(&h->lock, NULL);
	for (unsigned i = 0; i < t->cpus; i++)
		h->cpus[i].there = true;
	bus_add(&vm->ports, CPUHP_BASE, CPUHP_SIZE(t->max), access_registers, h);
	vm->cpuhp = h;
	return 0;
}

bool
cpuhp_named(const struct vm *vm, const char *id, unsigned *index)
{
	uint64_t n = 0;

	if (strncmp(id, "vcpu", 4))
		return false;
	if (!id[4])
		while (n < vm->opt.cpus.max && vm->vcpus[n].plugged)
			n++;
	else if (!num_parse(id + 4, 0, UINT32_MAX, &n))
		return false;
	*index = (unsigned)n;
	return true;
}

/* What is asked of a vCPU by its number; the two that can be asked differ in whether it is there. */
static const char *
check(const struct vm *vm, unsigned index, bool there)
{
	if (!vm->cpuhp)
		return "there is no room for others: -c with maxcpus= makes some";
	if (index >= vm->opt.cpus.max)
		return "there is no room for it";
	if (!there && vm->vcpus[index].plugged)
		return "is there already";
	if (there && !vm->vcpus[index].plugged)
		return "is not there";
	return NULL;
}

/* The vCPU is as `now` says, unless the guest let go of it just now; and the guest is told that there is an event. */
static void
tell(struct vm *vm, unsigned index, struct cpuhp_cpu now)
{
	struct cpuhp *h = vm->cpuhp;

	pthread_mutex_lock(&h->lock);
	if (!h->cpus[index].ejected)
		h->cpus[index] = now;
	pthread_mutex_unlock(&h->lock);
	lpc_event(vm->lpc, LPC_GPE_CPU);
}

const char *
cpuhp_plug(struct vm *vm, unsigned index, char *why, size_t size)
{
	const char *fault;

	cpuhp_remove(vm);
	fault = check(vm, index, false);
	if (fault)
		return fault;
	fault = vcpu_plug(&vm->vcpus[index]);
	if (fault) {
		snprintf(why, size, "%s: %s", fault, strerror(errno));
		return why;
	}
	note(1, "vcpu%u: plugged in", index);
	tell(vm, index, (struct cpuhp_cpu){.there = true, .added = true});
	return NULL;
}

const char *
cpuhp_ask(struct vm *vm, unsigned index)
{
	const char *fault = check(vm, index, true);

	if (fault)
		return fault;
	if (!index)
		return "starts the others, so it stays";
	tell(vm, index, (struct cpuhp_cpu){.there = true, .wanted = true, .asked = true});
	return NULL;
}

void
cpuhp_remove(struct vm *vm)
{
	struct cpuhp *h = vm->cpuhp;

	for (unsigned i = 0; h && i < vm->opt.cpus.max; i++) {
		bool ejected;

		pthread_mutex_lock(&h->lock);
		ejected = h->cpus[i].ejected;
		h->cpus[i].ejected = false;
		pthread_mutex_unlock(&h->lock);
		if (!ejected)
			continue;
		vcpu_unplug(&vm->vcpus[i]);
		note(1, "vcpu%u: ejected by the guest", i);
	}
}

enum cpuhp_state
cpuhp_state(const struct vm *vm, unsigned index)
{
	struct cpuhp *h = vm->cpuhp;
	bool refused;

	pthread_mutex_lock(&h->lock);
	refused = h->cpus[index].refused;
	pthread_mutex_unlock(&h->lock);
	return !vm->vcpus[index].plugged ? CPUHP_ABSENT : refused ? CPUHP_REFUSED : CPUHP_THERE;
}

void
cpuhp_reset(struct vm *vm)
{
	cpuhp_remove(vm);
	for (unsigned i = 0; vm->cpuhp && i < vm->opt.cpus.max; i++)
		vm->cpuhp->cpus[i] = (struct cpuhp_cpu){.there = vm->vcpus[i].plugged};
}
