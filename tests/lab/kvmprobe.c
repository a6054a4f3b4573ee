/* SPDX-License-Identifier: ISC */
/* kvmprobe: is /dev/kvm real? Exit 0 if so, 1 if there is none, 2 if it emulates. CPU flags do not tell; a guest that
 * runs a short loop does: real hardware needs about a millisecond for it, the lab's some 30, an emulator seconds. */
#include <fcntl.h>
#include <linux/kvm.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define LIMIT_US 700000

/* 16-bit code at 0x1000: two million rounds of a loop, a byte to port 0x80, halt. */
static const uint8_t guest[] = {
	0x66, 0xb9, 0x80, 0x84, 0x1e, 0x00,	/* mov ecx, 2000000 */
	0x66, 0x49,				/* dec ecx */
	0x75, 0xfc,				/* jnz to it */
	0xe6, 0x80,				/* out 0x80, al */
	0xf4,					/* hlt */
};

static void __attribute__((noreturn))
answer(int status, const char *why)
{
	printf("%s\n", why);
	fflush(stdout);
	_exit(status);
}

static void
too_slow(int sig)
{
	static const char why[] = "/dev/kvm emulates\n";

	(void)sig;
	if (write(1, why, sizeof(why) - 1) < 0)
		_exit(1);
	_exit(2);
}

/* Returns a vCPU about to run the guest, its shared page in *run. */
static int
make_guest(int kvm, struct kvm_run **run)
{
	struct kvm_userspace_memory_region region = { .memory_size = 0x10000 };
	struct kvm_regs regs = { .rip = 0x1000, .rflags = 2 };
	struct kvm_sregs sregs;
	int vm = ioctl(kvm, KVM_CREATE_VM, 0);
	int size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	char *mem = mmap(NULL, region.memory_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int vcpu;

	if (vm < 0 || size < 0 || mem == MAP_FAILED)
		answer(1, "/dev/kvm makes no machine");
	memcpy(mem + 0x1000, guest, sizeof(guest));
	region.userspace_addr = (uintptr_t)mem;
	if (ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region) < 0 || (vcpu = ioctl(vm, KVM_CREATE_VCPU, 0)) < 0)
		answer(1, "/dev/kvm makes no vCPU");
	*run = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
	if (*run == MAP_FAILED || ioctl(vcpu, KVM_GET_SREGS, &sregs) < 0)
		answer(1, "/dev/kvm gives no registers");
	sregs.cs.base = 0;
	sregs.cs.selector = 0;
	if (ioctl(vcpu, KVM_SET_SREGS, &sregs) < 0 || ioctl(vcpu, KVM_SET_REGS, &regs) < 0)
		answer(1, "/dev/kvm takes no registers");
	return vcpu;
}

int
main(void)
{
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	struct kvm_run *run;
	int vcpu;

	if (kvm < 0)
		answer(1, "no /dev/kvm, or no access to it");
	vcpu = make_guest(kvm, &run);
	signal(SIGALRM, too_slow);
	ualarm(LIMIT_US, 0);
	if (ioctl(vcpu, KVM_RUN, 0) < 0 || run->exit_reason != KVM_EXIT_IO)
		answer(1, "/dev/kvm does not run a guest: no exit at out");
	if (ioctl(vcpu, KVM_RUN, 0) < 0 || run->exit_reason != KVM_EXIT_HLT)
		answer(1, "/dev/kvm does not run a guest: no exit at hlt");
	answer(0, "/dev/kvm is real");
}
