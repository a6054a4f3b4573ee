/* SPDX-License-Identifier: ISC */
/*
 * A boot sector that drives fw_cfg at random: any accesses of its ports, DMA with any descriptors. It stays alive to say
 * so on the debug port, and powers off: what it has a device write to is above 2 MiB, or nowhere.
 */
#define DEBUG_PORT 0x402
#define FWCFG_PORT 0x510
#define PM1_CONTROL 0x604
#define DESCRIPTOR 0x8000
#define ROUNDS 500
#define READ 2
#define DMA_LOW_PORT 0x518

	.code16
	.globl _start
_start:
	xorw %ax, %ax
	movw %ax, %ds
	movw %ax, %ss
	movw $_start, %sp
	movw $ROUNDS, %bp
	movl $0x2545f491, %ebx
round:
	call some_port
	call some_dma
	decw %bp
	jnz round
	movw $survived, %si
	movw $DEBUG_PORT, %dx
1:	lodsb
	testb %al, %al
	jz off
	outb %al, %dx
	jmp 1b
off:
	movw $PM1_CONTROL, %dx
	movw $5 << 10 | 1 << 13, %ax
	outw %ax, %dx
	hlt

/* xorshift32: eax, and ebx for the next time */
any:
	movl %ebx, %eax
	shll $13, %eax
	xorl %eax, %ebx
	movl %ebx, %eax
	shrl $17, %eax
	xorl %eax, %ebx
	movl %ebx, %eax
	shll $5, %eax
	xorl %eax, %ebx
	movl %ebx, %eax
	ret

/* Any width at any of its ports; but a start of DMA is left to some_dma, which knows where it goes. */
some_port:
	call any
	movl %eax, %ecx
	movw %ax, %dx
	andw $15, %dx
	addw $FWCFG_PORT, %dx
	call any
	testw $0x100, %cx
	jz read
	cmpw $DMA_LOW_PORT, %dx
	jae 1f
	testw $0x200, %cx
	jz 2f
	outb %al, %dx
	ret
2:	testw $0x400, %cx
	jz 3f
	outw %ax, %dx
	ret
3:	outl %eax, %dx
1:	ret
read:
	testw $0x200, %cx
	jz 2f
	inb %dx, %al
	ret
2:	testw $0x400, %cx
	jz 3f
	inw %dx, %ax
	ret
3:	inl %dx, %eax
	ret

/* Control, length and address, big endian, are anything; the address is not below 2 MiB, and a length is. */
some_dma:
	call any
	andl $0xffff3f80, %eax /* half of the selectors are small numbers */
	movl %eax, DESCRIPTOR
	call any
	movb %al, %cl
	andb $31, %cl
	cmpb $12, %cl
	jae 3f
	orb $4, %cl /* 256 MiB and more, which is refused, or less than 1 MiB, which is soon done */
	andb $0xf7, %cl
3:
	call any
	shrl %cl, %eax
	bswapl %eax
	movl %eax, DESCRIPTOR + 4
	call any
	andl $0x0f0000ff, %eax /* one in 16 of the high halves is 0 */
	testb $3, %al
	jz 1f
	xorl %eax, %eax
1:	movl %eax, DESCRIPTOR + 8
	call any
	andl $0x03ffffff, %eax
	orl $0x00200000, %eax
	bswapl %eax
	movl %eax, DESCRIPTOR + 12
	movw $DMA_LOW_PORT, %dx
	movl $0x00800000, %eax /* DESCRIPTOR, big endian */
	testb $7, %bh
	jnz 2f
	call any /* or a descriptor that is anywhere */
	orl $0x00004000, %eax /* but above 4 MiB */
2:	outl %eax, %dx
	ret

survived: .asciz "survived\n"
	.org 510
	.word 0xaa55
