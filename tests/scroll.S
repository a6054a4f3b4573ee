/* SPDX-License-Identifier: ISC */
/* A boot sector that fills the text screen, then scrolls by a line for each s, and changes the first character for other keys. */
.code16
.globl _start
_start:	xor %ax, %ax
	mov %ax, %ds
	mov %ax, %ss
	mov $0x7c00, %sp
	cld
	mov $0xb800, %ax
	mov %ax, %es
	mov $25, %cx
1:	push %cx
	call line
	pop %cx
	loop 1b
2:	xor %ax, %ax
	int $0x16
	cmp $'s', %al
	je 3f
	incb %es:0
	jmp 2b
3:	call line
	jmp 2b
line:	push %ds
	mov %es, %ax
	mov %ax, %ds
	mov $160, %si
	xor %di, %di
	mov $1920, %cx
	rep movsw
	pop %ds
	incw number
	mov number, %dx
	mov $3840, %di
	mov $70, %cx
4:	imul $25173, %dx, %dx
	add $13849, %dx
	mov %dh, %al
	and $0x3f, %al
	add $0x28, %al
	mov $0x07, %ah
	stosw
	loop 4b
	mov $0x0720, %ax
	mov $10, %cx
	rep stosw
	ret
number:	.word 0
	.org 510
	.word 0xaa55
