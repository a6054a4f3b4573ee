/* SPDX-License-Identifier: ISC */
/*
 * floor MIB KERNEL INITRD WORDS: runs a guest on as little of a PC as a stock Linux kernel starts on, KVM's interrupt controllers
 * and timer, a UART that sends, the bytes of a clock chip: no PCI, no ACPI, no thread but one, no seal. What a boot costs here
 * no board can go below; tests/bench/boot holds kvm-run against it. Kernel and initrd are loaded as kvm-run does it.
 */
/* links: kvm-run/boot.c kvm-run/boot_bzimage.c kvm-run/boot_elf.c kvm-run/mem.c */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "common/diag.h"
#include "common/num.h"
#include "kvm-run/boot.h"

#define CPUID_ENTRIES 256 /* KVM takes no more */

/* PC16550D data sheet, 8: COM1's registers that Linux's driver must find at work. */
#define COM1 0x3f8
#define COM1_IRQ 4
enum { THR, IER, IIR, LCR, MCR, LSR, MSR, SCR };
#define IER_THRE 0x02
#define LCR_DLAB 0x80
#define LSR_EMPTY 0x60
#define MSR_READY 0xb0

/* MC146818: no update is ever in progress, 24 hours, the battery is well. */
#define CMOS_DATA 0x71
enum { CMOS_A = 10, CMOS_B = 11, CMOS_D = 13 };

struct machine {
	int kvm, vm, cpu;
	struct kvm_run *run;
	struct guest_mem mem;
	uint8_t uart[8], cmos_index;
	bool sent; /* since the driver last asked why it was interrupted */
};

static int
call(int fd, unsigned long request, const char *name, const void *arg)
{
	int n = ioctl(fd, request, arg);

	if (n < 0)
		die_sys("%s", name);
	return n;
}
#define CALL(fd, request, arg) call(fd, request, #request, (const void *)(uintptr_t)(arg))

static void
update_irq(struct machine *m)
{
	struct kvm_irq_level line = {.irq = COM1_IRQ, .level = m->uart[IER] & IER_THRE && m->sent};

	CALL(m->vm, KVM_IRQ_LINE, &line);
}

static void
uart_write(struct machine *m, unsigned reg, uint8_t byte)
{
	if (reg <= IER && m->uart[LCR] & LCR_DLAB)
		return;
	if (reg == THR)
		putchar(byte);
	else
		m->uart[reg] = byte;
	if (reg > IER)
		return;
	m->sent = true; /* what is sent has left at once, and turning the interrupt on tells of that again */
	update_irq(m);
}

static uint8_t
uart_read(struct machine *m, unsigned reg)
{
	bool was = m->sent;

	switch (reg) {
	case THR:
		return 0;
	case IIR:
		m->sent = false;
		update_irq(m);
		return was && m->uart[IER] & IER_THRE ? 2 : 1;
	case LSR:
		return LSR_EMPTY;
	case MSR:
		return MSR_READY;
	default:
		return m->uart[reg];
	}
}

static uint8_t
cmos_read(const struct machine *m)
{
	static const uint8_t registers[CMOS_D + 1] = {
	    [7] = 1, [8] = 1, [CMOS_A] = 0x26, [CMOS_B] = 0x02, [CMOS_D] = 0x80}; /* the first of January */

	return m->cmos_index <= CMOS_D ? registers[m->cmos_index] : 0;
}

static void
port(struct machine *m, uint16_t at, uint8_t *byte, bool out)
{
	unsigned reg = (unsigned)at - COM1;

	if (out && reg <= SCR)
		uart_write(m, reg, *byte);
	else if (out && at == CMOS_DATA - 1)
		m->cmos_index = *byte & 0x7f;
	else if (!out)
		*byte = reg <= SCR ? uart_read(m, reg) : at == CMOS_DATA ? cmos_read(m) : 0xff;
}

static void
run(struct machine *m)
{
	struct kvm_run *r = m->run;

	for (;;) {
		uint8_t *data;

		CALL(m->cpu, KVM_RUN, 0);
		data = (uint8_t *)r + r->io.data_offset;
		if (r->exit_reason == KVM_EXIT_MMIO)
			memset(r->mmio.data, 0xff, sizeof(r->mmio.data));
		else if (r->exit_reason != KVM_EXIT_IO)
			die("exit %u", r->exit_reason);
		else
			for (unsigned i = 0; i < r->io.count * r->io.size; i++)
				port(m, (uint16_t)(r->io.port + i % r->io.size), data + i, r->io.direction == KVM_EXIT_IO_OUT);
	}
}

static void
create(struct machine *m, uint64_t mib)
{
	struct kvm_pit_config pit = {.flags = KVM_PIT_SPEAKER_DUMMY};
	struct kvm_userspace_memory_region region = {0};
	const char *why = mem_init(&m->mem, mib << 20, 0, -1);

	if (why || m->mem.high_size)
		die("memory: %s", why ? why : "no more than 2 GiB");
	m->kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (m->kvm < 0)
		die_sys("/dev/kvm");
	m->vm = CALL(m->kvm, KVM_CREATE_VM, 0);
	CALL(m->vm, KVM_SET_TSS_ADDR, 0xfeffd000);
	CALL(m->vm, KVM_CREATE_IRQCHIP, 0);
	CALL(m->vm, KVM_CREATE_PIT2, &pit);
	region.memory_size = m->mem.size;
	region.userspace_addr = (uintptr_t)m->mem.base;
	CALL(m->vm, KVM_SET_USER_MEMORY_REGION, &region);
	m->cpu = CALL(m->vm, KVM_CREATE_VCPU, 0);
	m->run = mmap(NULL, (size_t)CALL(m->kvm, KVM_GET_VCPU_MMAP_SIZE, 0), PROT_READ | PROT_WRITE, MAP_SHARED, m->cpu, 0);
	if (m->run == MAP_FAILED)
		die_sys("mmap of a vCPU");
}

static void
set_cpuid(const struct machine *m)
{
	struct {
		struct kvm_cpuid2 c;
		struct kvm_cpuid_entry2 entries[CPUID_ENTRIES];
	} table = {.c.nent = CPUID_ENTRIES};

	CALL(m->kvm, KVM_GET_SUPPORTED_CPUID, &table);
	CALL(m->cpu, KVM_SET_CPUID2, &table);
}

/* As vcpus_set_entry() of kvm-run. */
static void
set_entry(const struct machine *m, const struct boot_entry *e)
{
	struct kvm_segment code = {.limit = 0xffffffff, .selector = 0x10, .type = 11, .present = 1, .s = 1, .g = 1,
	    .db = !e->long_mode, .l = e->long_mode};
	struct kvm_segment data = {.limit = 0xffffffff, .selector = 0x18, .type = 3, .present = 1, .s = 1, .g = 1, .db = 1};
	struct kvm_regs regs = {.rip = e->rip, .rsi = e->rsi, .rbx = e->rbx, .rflags = 2};
	struct kvm_sregs s;

	CALL(m->cpu, KVM_GET_SREGS, &s);
	s.cs = code;
	s.ds = s.es = s.fs = s.gs = s.ss = data;
	s.tr = (struct kvm_segment){.limit = 0x67, .type = 11, .present = 1};
	s.gdt.base = e->gdt;
	s.gdt.limit = 31;
	s.cr0 |= 1;
	if (e->long_mode) {
		s.cr0 |= 1U << 31;
		s.cr3 = e->cr3;
		s.cr4 |= 0x20;
		s.efer |= 0x500;
	}
	CALL(m->cpu, KVM_SET_SREGS, &s);
	CALL(m->cpu, KVM_SET_REGS, &regs);
}

static int
open_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		die_sys("%s", path);
	return fd;
}

int
main(int argc, char **argv)
{
	static struct machine m;
	struct boot_images images;
	struct boot_entry entry;
	char text[128];
	const char *why;
	uint64_t mib;

	diag_init(argv[0], 1);
	if (argc != 5 || !num_parse(argv[1], 1, 2048, &mib))
		die("usage: floor MIB KERNEL INITRD WORDS");
	images = (struct boot_images){.kern_fd = open_file(argv[2]), .init_fd = open_file(argv[3]), .cmdline = argv[4]};
	create(&m, mib);
	why = boot_load(&m.mem, &images, &entry, text, sizeof(text));
	if (why)
		die("%s", why);
	set_cpuid(&m);
	set_entry(&m, &entry);
	setvbuf(stdout, NULL, _IOLBF, 4096);
	run(&m);
}
