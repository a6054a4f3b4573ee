/* links: kvm-run/cpuhp.c kvm-run/bus.c */
/* SPDX-License-Identifier: ISC */
/* Hot-plug of vCPUs: the registers as a guest sees them, and what is asked of it. The rest of the machine is played here. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kvm-run/cpuhp.h"
#include "kvm-run/ctl.h"
#include "kvm-run/lpc.h"
#include "kvm-run/vcpu.h"
#include "kvm-run/vm.h"
#include "tests/unit/ports.h"

#define MAX 6

static struct vm vm;
static struct vcpu vcpus[MAX];
static unsigned events, wakes;
static const char *refuse; /* vcpu_plug */

void
lpc_event(struct lpc *l, unsigned gpe)
{
	(void)l;
	events += gpe == LPC_GPE_CPU;
}

void
ctl_wake(struct vm *v)
{
	(void)v;
	wakes++;
}

const char *
vcpu_plug(struct vcpu *v)
{
	errno = EMFILE;
	v->plugged = !refuse;
	return refuse;
}

void
vcpu_unplug(struct vcpu *v)
{
	v->plugged = false;
}

static const char *
plug(unsigned n)
{
	static char why[100];

	return cpuhp_plug(&vm, n, why, sizeof(why));
}

/* Which are plugged in, a bit each. */
static unsigned
plugged(void)
{
	unsigned bits = 0;

	for (unsigned i = 0; i < MAX; i++)
		bits |= (unsigned)vcpus[i].plugged << i;
	return bits;
}

/* Asked, n is let go of: 0 by the write of _EJ0, else the status of _OST. */
static void
release(unsigned n, unsigned status)
{
	PORT_STEPS(&vm.ports, {'w', CPUHP_BASE + CPUHP_STATUS + n, 1, status, ""});
	cpuhp_remove(&vm);
}

static void
test_names(void)
{
	unsigned n = 99;

	ok(cpuhp_named(&vm, "vcpu", &n) && n == 2, "the first that is not there");
	ok(cpuhp_named(&vm, "vcpu4", &n) && n == 4, "by its number");
	ok(!cpuhp_named(&vm, "vcpu-1", &n) && !cpuhp_named(&vm, "vcpu4x", &n) && !cpuhp_named(&vm, "disk", &n) &&
	       !cpuhp_named(&vm, "", &n) && !cpuhp_named(&vm, "vcpu99999999999", &n),
	    "other names");
}

static void
test_plug(void)
{
	PORT_STEPS(&vm.ports, {'r', CPUHP_BASE, 4, UINT32_MAX, "no event"},
	    {'r', CPUHP_BASE + 5, 1, 0x0f, "vcpu1 is there"}, {'r', CPUHP_BASE + 6, 1, 0, "vcpu2 is not"});
	ok(!plug(4) && !plug(2) && plugged() == 0x17 && events == 2, "two come");
	PORT_STEPS(&vm.ports, {'r', CPUHP_BASE + 8, 1, 0x0f, "vcpu4 is there"}, {'r', CPUHP_BASE, 2, 0xffff, "only dwords"},
	    {'r', CPUHP_BASE, 4, 0x10002, "device check of vcpu2"}, {'r', CPUHP_BASE, 4, 0x10004, "and of vcpu4"},
	    {'r', CPUHP_BASE, 4, UINT32_MAX, "each once"});
	ok(!strcmp(plug(2), "is there already") && !strcmp(plug(MAX), "there is no room for it"), "what cannot come");
	refuse = "KVM_CREATE_VCPU";
	ok(!strcmp(plug(3), "KVM_CREATE_VCPU: Too many open files") && plugged() == 0x17 && events == 2, "KVM gives none");
	refuse = NULL;
	PORT_STEPS(&vm.ports, {'r', CPUHP_BASE + 7, 1, 0, "nor is it shown"}, {'r', CPUHP_BASE, 4, UINT32_MAX, "or told of"});
}

static void
test_unplug(void)
{
	ok(!strcmp(cpuhp_ask(&vm, 0), "starts the others, so it stays"), "the first stays");
	ok(!strcmp(cpuhp_ask(&vm, 3), "is not there"), "one that is not there");
	ok(!cpuhp_ask(&vm, 4) && events == 3 && cpuhp_state(&vm, 4) == CPUHP_THERE, "asked");
	PORT_STEPS(&vm.ports, {'r', CPUHP_BASE, 4, 0x30004, "request to eject vcpu4"});
	release(4, 0x84);
	ok(!wakes && cpuhp_state(&vm, 4) == CPUHP_THERE, "in progress is no answer");
	release(4, 0x82);
	ok(wakes == 1 && cpuhp_state(&vm, 4) == CPUHP_REFUSED && plugged() == 0x17, "busy is one");
	release(4, 0x82);
	ok(wakes == 1, "but only to a question");
	ok(!cpuhp_ask(&vm, 4) && cpuhp_state(&vm, 4) == CPUHP_THERE, "asked again");
	release(4, 0);
	ok(wakes == 2 && cpuhp_state(&vm, 4) == CPUHP_ABSENT && plugged() == 0x07, "it goes");
	PORT_STEPS(&vm.ports, {'r', CPUHP_BASE + 8, 1, 0, "for the guest too"},
	    {'r', CPUHP_BASE, 4, UINT32_MAX, "the request went with it"});
	release(4, 0);
	release(0, 0);
	ok(wakes == 2 && plugged() == 0x07, "neither what is not there goes, nor the first");
	release(1, 0);
	ok(wakes == 3 && plugged() == 0x05, "nobody asked, and yet the guest lets go");
}

/* Let go of, it is not there for the guest at once, though the main thread has not taken it away yet. */
static void
test_between(void)
{
	PORT_STEPS(&vm.ports, {'w', CPUHP_BASE + 6, 1, 0, ""}, {'r', CPUHP_BASE + 6, 1, 0, "not there at once"});
	ok(plugged() == 0x05 && cpuhp_state(&vm, 2) == CPUHP_THERE, "but its thread is");
	ok(!cpuhp_ask(&vm, 2), "asked for");
	PORT_STEPS(&vm.ports, {'r', CPUHP_BASE, 4, UINT32_MAX, "the guest is not asked"});
	ok(!plug(2) && plugged() == 0x05, "and plugged in again");
	PORT_STEPS(&vm.ports, {'r', CPUHP_BASE, 4, 0x10002, "of which it is told"});
}

static void
test_reset(void)
{
	ok(!plug(5) && !cpuhp_ask(&vm, 2), "one comes, another is to go");
	PORT_STEPS(&vm.ports, {'w', CPUHP_BASE + 9, 1, 0, ""});
	cpuhp_reset(&vm);
	ok(plugged() == 0x05, "reset: what was let go of is gone");
	PORT_STEPS(&vm.ports, {'r', CPUHP_BASE, 4, UINT32_MAX, "nothing to be told"},
	    {'r', CPUHP_BASE + 6, 1, 0x0f, "what was to go is there"}, {'r', CPUHP_BASE + 9, 1, 0, "what went is not"});
	release(2, 0x82);
	ok(cpuhp_state(&vm, 2) == CPUHP_THERE, "and the request is forgotten");
}

/* Anything anywhere, as a hostile guest has it; ASan guards the array. */
static void
test_nonsense(void)
{
	uint8_t data[8];

	srand(1);
	for (int i = 0; i < 100000; i++) {
		memset(data, rand(), sizeof(data));
		bus_do(&vm.ports, CPUHP_BASE - 2 + (uint64_t)(rand() % 20), data, 1U << rand() % 3, rand() % 2);
		if (i % 7 == 0)
			plug((unsigned)rand() % (MAX + 1));
		if (i % 11 == 0)
			cpuhp_ask(&vm, (unsigned)rand() % (MAX + 1));
		if (i % 13 == 0)
			cpuhp_remove(&vm);
	}
	ok(vcpus[0].plugged, "after nonsense the first is still there");
}

int
main(void)
{
	vm.vcpus = vcpus;
	vm.opt.cpus = (struct topology){.cpus = 2, .max = 2};
	ok(cpuhp_init(&vm) == 0 && !vm.cpuhp, "no room, no registers");
	ok(strstr(plug(1), "maxcpus=") && strstr(cpuhp_ask(&vm, 1), "maxcpus="), "and the way to them is told");
	cpuhp_remove(&vm);
	cpuhp_reset(&vm);
	vm.opt.cpus.max = MAX;
	vcpus[0].plugged = vcpus[1].plugged = true;
	ok(cpuhp_init(&vm) == 0 && vm.cpuhp, "made");
	test_names();
	test_plug();
	test_unplug();
	test_between();
	test_reset();
	test_nonsense();
	free(vm.cpuhp);
	return tap_done();
}
