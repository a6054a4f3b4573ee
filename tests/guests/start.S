/* SPDX-License-Identifier: ISC */
/* A guest's first instructions: the PVH entry (32 bits, no paging) to 64 bits with the first 4 GiB mapped, then C. */
#define PAGE 4096

	.section .note.Xen, "a", @note
	.long	4, 4, 18 /* XEN_ELFNOTE_PHYS32_ENTRY */
	.asciz	"Xen"
	.long	start

	.text
	.code32
	.globl	start
start:
	movl	$stack, %esp
	movl	$pdpt + 3, pml4
	movl	$pd + 3, %eax
	movl	$pdpt, %edi
	movl	$4, %ecx
1:	movl	%eax, (%edi)
	addl	$PAGE, %eax
	addl	$8, %edi
	loop	1b
	movl	$0x83, %eax /* 2 MiB pages: present, writable */
	movl	$pd, %edi
	movl	$2048, %ecx
2:	movl	%eax, (%edi)
	addl	$0x200000, %eax
	addl	$8, %edi
	loop	2b
	movl	$pml4, %eax
	movl	%eax, %cr3
	movl	%cr4, %eax
	orl	$0x20, %eax /* PAE */
	movl	%eax, %cr4
	movl	$0xc0000080, %ecx /* EFER */
	rdmsr
	orl	$0x100, %eax /* LME */
	wrmsr
	movl	%cr0, %eax
	orl	$0x80000000, %eax
	movl	%eax, %cr0
	lgdt	gdt_pointer
	ljmp	$8, $long_mode

	.code64
long_mode:
	movl	$16, %eax
	movl	%eax, %ds
	movl	%eax, %es
	movl	%eax, %ss
	movl	%ebx, %edi /* start_info */
	call	guest_main
	movw	$0x604, %dx
	movw	$0x3400, %ax /* S5 */
	outw	%ax, %dx
	ud2

	/* Where another processor begins, copied to page 8: sets its bit at 0x9000 by APIC id, and counts itself. */
	.globl	ap_code, ap_code_end
	.code16
ap_code:
	xorw	%ax, %ax
	movw	%ax, %ds
	movl	$1, %eax
	cpuid
	shrl	$24, %ebx
	addr32 lock btsl %ebx, 0x9000
	addr32 lock incl 0x9100
1:	hlt
	jmp	1b
ap_code_end:

	.section .rodata
	.balign	8
gdt:	.quad	0, 0x00af9a000000ffff, 0x00cf92000000ffff
gdt_pointer:
	.word	. - gdt - 1
	.long	gdt

	.bss
	.balign	PAGE
pml4:	.skip	PAGE
pdpt:	.skip	PAGE
pd:	.skip	4 * PAGE
	.skip	4 * PAGE
stack:
	.section .note.GNU-stack, "", @progbits
