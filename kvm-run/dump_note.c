/* SPDX-License-Identifier: ISC */
/* The notes of a dump; the contracts are in dump_note.h. */
#include <elf.h>
#include <string.h>
#include <sys/procfs.h>
#include <sys/user.h>

#include "common/bytes.h"
#include "kvm-run/dump_file.h"
#include "kvm-run/dump_note.h"

#define NAME_SIZE 8 /* "CORE" and "QEMU" with their ends, in whole words */

/* QEMU's target/i386/arch_dump.c: what NT_PRSTATUS has no place for. */
struct qemu_segment {
	uint32_t selector, limit, flags, pad;
	uint64_t base;
};

struct qemu_cpu {
	uint32_t version, size;
	uint64_t rax, rbx, rcx, rdx, rsi, rdi, rsp, rbp, r8, r9, r10, r11, r12, r13, r14, r15, rip, rflags;
	struct qemu_segment cs, ds, es, fs, gs, ss, ldt, tr, gdt, idt;
	uint64_t cr[5];
	uint64_t kernel_gs_base;
};

size_t
dump_note_size(unsigned ncpus)
{
	return ncpus * (2 * (sizeof(Elf64_Nhdr) + NAME_SIZE) + sizeof(struct elf_prstatus) + sizeof(struct qemu_cpu));
}

static uint8_t *
note(uint8_t *p, const char *name, uint32_t type, const void *desc, size_t size)
{
	const Elf64_Nhdr head = {.n_namesz = (Elf64_Word)strlen(name) + 1, .n_descsz = (Elf64_Word)size, .n_type = type};

	memcpy(p, &head, sizeof(head));
	memset(p + sizeof(head), 0, NAME_SIZE);
	memcpy(p + sizeof(head), name, strlen(name));
	memcpy(p + sizeof(head) + NAME_SIZE, desc, size);
	return p + sizeof(head) + NAME_SIZE + size;
}

/* The process is the vCPU, counted from 1: to a debugger 0 is none. */
static uint8_t *
status_note(uint8_t *p, const struct dump_cpu *c)
{
	const struct kvm_regs *r = &c->regs;
	const struct kvm_sregs *s = &c->sregs;
	const struct user_regs_struct u = {
		.r15 = r->r15, .r14 = r->r14, .r13 = r->r13, .r12 = r->r12, .rbp = r->rbp, .rbx = r->rbx, .r11 = r->r11,
		.r10 = r->r10, .r9 = r->r9, .r8 = r->r8, .rax = r->rax, .rcx = r->rcx, .rdx = r->rdx, .rsi = r->rsi,
		.rdi = r->rdi, .orig_rax = ~0ULL, .rip = r->rip, .cs = s->cs.selector, .eflags = r->rflags, .rsp = r->rsp,
		.ss = s->ss.selector, .fs_base = s->fs.base, .gs_base = s->gs.base, .ds = s->ds.selector,
		.es = s->es.selector, .fs = s->fs.selector, .gs = s->gs.selector,
	};
	struct elf_prstatus status = {.pr_pid = (pid_t)c->index + 1};

	memcpy(&status.pr_reg, &u, sizeof(u));
	return note(p, "CORE", NT_PRSTATUS, &status, sizeof(status));
}

/* Flags are the upper half of the descriptor, where it has them. */
static struct qemu_segment
segment(const struct kvm_segment *s)
{
	return (struct qemu_segment){.selector = s->selector, .limit = s->limit, .base = s->base,
	    .flags = (uint32_t)s->type << 8 | (uint32_t)s->s << 12 | (uint32_t)s->dpl << 13 | (uint32_t)s->present << 15 |
		     (uint32_t)s->avl << 20 | (uint32_t)s->l << 21 | (uint32_t)s->db << 22 | (uint32_t)s->g << 23};
}

static struct qemu_segment
table(const struct kvm_dtable *t)
{
	return (struct qemu_segment){.limit = t->limit, .base = t->base};
}

static uint8_t *
qemu_note(uint8_t *p, const struct dump_cpu *c)
{
	const struct kvm_regs *r = &c->regs;
	const struct kvm_sregs *s = &c->sregs;
	const struct qemu_cpu q = {
		.version = 1, .size = sizeof(q), .rax = r->rax, .rbx = r->rbx, .rcx = r->rcx, .rdx = r->rdx, .rsi = r->rsi,
		.rdi = r->rdi, .rsp = r->rsp, .rbp = r->rbp, .r8 = r->r8, .r9 = r->r9, .r10 = r->r10, .r11 = r->r11,
		.r12 = r->r12, .r13 = r->r13, .r14 = r->r14, .r15 = r->r15, .rip = r->rip, .rflags = r->rflags,
		.cs = segment(&s->cs), .ds = segment(&s->ds), .es = segment(&s->es), .fs = segment(&s->fs),
		.gs = segment(&s->gs), .ss = segment(&s->ss), .ldt = segment(&s->ldt), .tr = segment(&s->tr),
		.gdt = table(&s->gdt), .idt = table(&s->idt), .cr = {s->cr0, 0, s->cr2, s->cr3, s->cr4},
		.kernel_gs_base = c->kernel_gs_base,
	};

	return note(p, "QEMU", 0, &q, sizeof(q));
}

void
dump_note_make(uint8_t *p, const struct dump_cpu *cpus, unsigned ncpus)
{
	for (const struct dump_cpu *c = cpus; c < cpus + ncpus; c++)
		p = status_note(p, c);
	for (const struct dump_cpu *c = cpus; c < cpus + ncpus; c++)
		p = qemu_note(p, c);
}
