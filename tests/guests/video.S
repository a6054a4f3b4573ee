/* SPDX-License-Identifier: ISC */
/*
 * A boot sector that has the VGA's BIOS set modes, one a key: 1 mode 13h, 2 mode 12h, v VBE's 640x480 of 32 bits through a
 * window, l 80 by 50 characters, t mode 3; then draws a pixel, or says "video". Else the machine is powered off.
 */
#define PM1_CONTROL 0x604

	.code16
	.globl _start
_start:
	xorw %ax, %ax
	movw %ax, %ds
	movw %ax, %ss
	movw $_start, %sp
	cld
	call say
key:
	movb $0, %ah
	int $0x16
	cmpb $'1', %al
	je mode13
	cmpb $'2', %al
	je mode12
	cmpb $'v', %al
	je vbe
	cmpb $'l', %al
	je lines
	cmpb $'t', %al
	je text
	movw $PM1_CONTROL, %dx
	movw $5 << 10 | 1 << 13, %ax /* S5, now */
	outw %ax, %dx
1:	hlt
	jmp 1b

mode13:
	movw $0x13, %ax
	jmp 1f
mode12:
	movw $0x12, %ax
1:	int $0x10
	movw $0x0c04, %ax /* a red pixel at 3, 2 */
	xorw %bx, %bx
	movw $3, %cx
	movw $2, %dx
	int $0x10
	jmp key
vbe:
	movw $0x4f02, %ax
	movw $0x142, %bx
	int $0x10
	movw $0x4f05, %ax /* the window to the second 64 KiB */
	xorw %bx, %bx
	movw $1, %dx
	int $0x10
	movw $0xa000, %ax
	movw %ax, %es
	movl $0x123456, %es:0
	jmp key
lines:
	movw $0x1112, %ax /* the font of 8 lines */
	xorw %bx, %bx
	int $0x10
	jmp key
text:
	movw $3, %ax
	int $0x10
	call say
	jmp key

say:
	movw $word, %si
1:	lodsb
	testb %al, %al
	jz 2f
	movb $0x0e, %ah
	movw $7, %bx
	int $0x10
	jmp 1b
2:	ret

word:	.asciz "video\r\n"
	.org 510
	.word 0xaa55
