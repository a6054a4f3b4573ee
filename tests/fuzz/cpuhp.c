/* SPDX-License-Identifier: ISC */
/* links: kvm-run/cpuhp.c kvm-run/bus.c */
/*
 * A guest that does anything to the registers of vCPUs that come and go while a user asks for anything. The input is a
 * program of two bytes a step. However it went, the first vCPU stays, and what the guest sees after a reset is so.
 */
#include <stdlib.h>
#include <string.h>

#include "kvm-run/cpuhp.h"
#include "kvm-run/ctl.h"
#include "kvm-run/lpc.h"
#include "kvm-run/vcpu.h"
#include "kvm-run/vm.h"

#define MAX 5

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

void
lpc_event(struct lpc *l, unsigned gpe)
{
	(void)l, (void)gpe;
}

void
ctl_wake(struct vm *vm)
{
	(void)vm;
}

const char *
vcpu_plug(struct vcpu *v)
{
	if (v->plugged)
		abort();
	v->plugged = true;
	return NULL;
}

void
vcpu_unplug(struct vcpu *v)
{
	if (!v->plugged || !v->index)
		abort();
	v->plugged = false;
}

static void
step(struct vm *vm, uint8_t what, uint8_t v)
{
	uint8_t bytes[4] = {v, (uint8_t)(v >> 4), 0, v};
	char why[64];

	switch (what % 5) {
	case 0:
		cpuhp_plug(vm, v % (MAX + 1), why, sizeof(why));
		break;
	case 1:
		cpuhp_ask(vm, v % (MAX + 1));
		break;
	case 2:
		cpuhp_remove(vm);
		break;
	default:
		bus_do(&vm->ports, CPUHP_BASE + what / 5 % 10, bytes, 1U << v % 3, what % 5 == 3);
	}
}

static void
check(const struct vm *vm, const struct vcpu *v)
{
	uint8_t status = 0;

	bus_do(&vm->ports, CPUHP_BASE + CPUHP_STATUS + v->index, &status, 1, false);
	if ((status == 0x0f) != v->plugged || (status && status != 0x0f))
		abort();
	if (cpuhp_state(vm, v->index) != (v->plugged ? CPUHP_THERE : CPUHP_ABSENT))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vcpu vcpus[MAX] = {{.plugged = true}, {.plugged = true}};
	struct vm vm = {.vcpus = vcpus, .opt.cpus = {.cpus = 2, .max = MAX}};
	uint32_t event = 0;

	for (unsigned i = 0; i < MAX; i++)
		vcpus[i].index = i;
	if (cpuhp_init(&vm))
		return 0;
	for (; size >= 2; data += 2, size -= 2)
		step(&vm, data[0], data[1]);
	cpuhp_reset(&vm);
	for (unsigned i = 0; i < MAX; i++)
		check(&vm, &vcpus[i]);
	bus_do(&vm.ports, CPUHP_BASE, &event, sizeof(event), false);
	if (!vcpus[0].plugged || event != UINT32_MAX)
		abort();
	free(vm.cpuhp);
	return 0;
}
