/* SPDX-License-Identifier: ISC */
/* What the small guests share: ports, memory, the first serial port, numbers from the command line, the PM timer. */
#ifndef TESTS_GUESTS_GUEST_H
#define TESTS_GUESTS_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COM1 0x3f8
#define PM_TIMER 0x608
#define PM_TIMER_HZ 3579545

struct start_info { /* PVH */
	uint32_t magic, version, flags, nr_modules;
	uint64_t modlist, cmdline, rsdp, memmap;
	uint32_t memmap_entries, reserved;
};

/* Each guest is one; when it returns the machine is powered off. */
void guest_main(const struct start_info *info);

static inline void
out8(uint16_t port, uint8_t v)
{
	__asm__ volatile("outb %0, %1" : : "a"(v), "Nd"(port));
}

static inline void
out16(uint16_t port, uint16_t v)
{
	__asm__ volatile("outw %0, %1" : : "a"(v), "Nd"(port));
}

static inline void
out32(uint16_t port, uint32_t v)
{
	__asm__ volatile("outl %0, %1" : : "a"(v), "Nd"(port));
}

static inline uint8_t
in8(uint16_t port)
{
	uint8_t v;

	__asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}

static inline uint16_t
in16(uint16_t port)
{
	uint16_t v;

	__asm__ volatile("inw %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}

static inline uint32_t
in32(uint16_t port)
{
	uint32_t v;

	__asm__ volatile("inl %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}

/* Memory and device memory, at any alignment. */
#define MEM8(at) (*(volatile uint8_t *)(uintptr_t)(at))
#define MEM16(at) (*(volatile uint16_t *)(uintptr_t)(at))
#define MEM32(at) (*(volatile uint32_t *)(uintptr_t)(at))
#define MEM64(at) (*(volatile uint64_t *)(uintptr_t)(at))

static inline void
print(const char *s)
{
	for (; *s; s++)
		out8(COM1, (uint8_t)*s);
}

static inline void
print_num(uint64_t v)
{
	char text[21], *p = text + 20;

	*p = '\0';
	do {
		*--p = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	print(p);
}

static inline void
wait_ms(unsigned ms)
{
	uint32_t start = in32(PM_TIMER);

	while (in32(PM_TIMER) - start < ms * (PM_TIMER_HZ / 1000))
		;
}

/* The number after "NAME=" in the command line; 0 when it is not there. */
static inline uint64_t
cmdline_num(const struct start_info *info, const char *name)
{
	uint64_t v = 0;
	const char *s;

	for (s = (const char *)(uintptr_t)info->cmdline; *s; s++) {
		size_t n = 0;

		while (name[n] && s[n] == name[n])
			n++;
		if (!name[n] && s[n] == '=') {
			for (s += n + 1; *s >= '0' && *s <= '9'; s++)
				v = v * 10 + (uint64_t)(*s - '0');
			return v;
		}
	}
	return 0;
}

#define AP_PAGE 8 /* the SIPI's vector: where the other processors begin, in real mode */
#define APIC_ICR 0xfee00300ULL
#define ICR_OTHERS 0xc0000 /* all but the sender */
#define ICR_INIT 0x4500
#define ICR_SIPI 0x4600

/* Starts every other processor on that code, as an operating system does. */
static inline void
start_others(const uint8_t *code, size_t len)
{
	for (size_t i = 0; i < len; i++)
		MEM8(AP_PAGE * 4096 + i) = code[i];
	MEM32(APIC_ICR) = ICR_OTHERS | ICR_INIT;
	wait_ms(10);
	MEM32(APIC_ICR) = ICR_OTHERS | ICR_SIPI | AP_PAGE;
	wait_ms(1);
	MEM32(APIC_ICR) = ICR_OTHERS | ICR_SIPI | AP_PAGE;
}

#endif
