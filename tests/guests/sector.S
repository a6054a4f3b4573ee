/* SPDX-License-Identifier: ISC */
/*
 * A boot sector. It says "sector: drive NN: TEXT" on the screen (int 10h) and to the firmware's debug port, where TEXT, up
 * to a NUL, is what int 13h reads from the drive's next sector. Then it powers off; or, if TEXT begins with R, resets; or,
 * with S, stays. If it begins with K, it says first what is typed (int 16h), up to Enter.
 */
#define TEXT 0x7e00
#define DEBUG_PORT 0x402
#define PM1_CONTROL 0x604
#define RESET_PORT 0xcf9

	.code16
	.globl _start
_start:
	xorw %ax, %ax
	movw %ax, %ds
	movw %ax, %es
	movw %ax, %ss
	movw $_start, %sp
	cld
	movb %dl, drive
	movw $name, %si
	call say
	movb drive, %al
	shrb $4, %al
	call digit
	movb drive, %al
	andb $15, %al
	call digit
	movw $colon, %si
	call say
	movw $packet, %si
	movb drive, %dl
	movb $0x42, %ah /* read by LBA */
	int $0x13
	movw $TEXT, %si
	jnc 1f
	movw $unreadable, %si
1:	call say
	movw $newline, %si
	call say
	cmpb $'K', TEXT
	je key
	cmpb $'R', TEXT
	je reset
	cmpb $'S', TEXT
	je stay
off:
	movw $PM1_CONTROL, %dx
	movw $5 << 10 | 1 << 13, %ax /* S5, now */
	outw %ax, %dx
1:	hlt
	jmp 1b
key:
	xorb %ah, %ah
	int $0x16
	cmpb $'\r', %al
	je off
	call put
	jmp key
reset:
	movw $RESET_PORT, %dx
	movb $6, %al
	outb %al, %dx
	jmp 1b

stay:
	sti
	hlt
	jmp stay

/* The bytes at si up to a NUL. */
say:
	lodsb
	testb %al, %al
	jz 1f
	call put
	jmp say
1:	ret

digit:
	addb $'0', %al
	cmpb $'9', %al
	jbe put
	addb $'a' - '9' - 1, %al
put:
	movw $DEBUG_PORT, %dx
	outb %al, %dx
	movb $0x0e, %ah
	movw $7, %bx
	int $0x10
	ret

name:	.asciz "sector: drive "
colon:	.asciz ": "
newline: .asciz "\r\n"
unreadable: .asciz "unreadable"
drive:	.byte 0
	.balign 4
packet:	.byte 16, 0
	.word 1, TEXT, 0
	.quad 1
	.org 510
	.word 0xaa55
