/* SPDX-License-Identifier: ISC */
/*
 * MC146818: time and date, 114 bytes of memory. The clock is the host's plus an offset, which changes when the guest
 * sets its time. Update in progress is never seen: the bytes change between two accesses, as after an update.
 */
#include <string.h>
#include <time.h>

#include "kvm-run/rtc.h"
#include "kvm-run/vm.h"

#define PORT_INDEX 0x70

enum {
	SECOND = 0x00,
	MINUTE = 0x02,
	HOUR = 0x04,
	WEEKDAY = 0x06, /* Sunday is 1 */
	DAY = 0x07,
	MONTH = 0x08,
	YEAR = 0x09,
	REG_A = 0x0a,
	REG_B = 0x0b,
	REG_C = 0x0c,
	REG_D = 0x0d,
	CENTURY = 0x32, /* where every PC keeps it; the FADT says so too */
};

#define A_OSCILLATOR 0x26 /* 32768 Hz, periodic rate 1024 Hz */
#define B_SET 0x80
#define B_BINARY 0x04
#define B_24H 0x02
#define D_VALID 0x80 /* the battery is good */
#define HOUR_PM 0x80

static uint8_t
encode(const struct rtc *r, unsigned v)
{
	return (uint8_t)(r->ram[REG_B] & B_BINARY ? v : v / 10 << 4 | v % 10);
}

static int
decode(const struct rtc *r, uint8_t v)
{
	return r->ram[REG_B] & B_BINARY ? v : (v >> 4) * 10 + (v & 15);
}

static uint8_t
encode_hour(const struct rtc *r, unsigned hour)
{
	if (r->ram[REG_B] & B_24H)
		return encode(r, hour);
	return (uint8_t)(encode(r, (hour + 11) % 12 + 1) | (hour >= 12 ? HOUR_PM : 0));
}

static int
decode_hour(const struct rtc *r, uint8_t v)
{
	if (r->ram[REG_B] & B_24H)
		return decode(r, v);
	return decode(r, v & (uint8_t)~HOUR_PM) % 12 + (v & HOUR_PM ? 12 : 0);
}

static void
load_time(struct rtc *r)
{
	time_t t = (time_t)(time(NULL) + r->offset);
	unsigned year;
	struct tm tm;

	if (!gmtime_r(&t, &tm))
		return;
	year = (unsigned)tm.tm_year + 1900; /* -1 when the guest set month 0 of year 0: any four digits will do then */
	r->ram[SECOND] = encode(r, (unsigned)tm.tm_sec);
	r->ram[MINUTE] = encode(r, (unsigned)tm.tm_min);
	r->ram[HOUR] = encode_hour(r, (unsigned)tm.tm_hour);
	r->ram[WEEKDAY] = encode(r, (unsigned)tm.tm_wday + 1);
	r->ram[DAY] = encode(r, (unsigned)tm.tm_mday);
	r->ram[MONTH] = encode(r, (unsigned)tm.tm_mon + 1);
	r->ram[YEAR] = encode(r, year % 100);
	r->ram[CENTURY] = encode(r, year / 100 % 100);
}

/* Whatever the guest wrote becomes some time: timegm takes a 31st of February. */
static void
store_time(struct rtc *r)
{
	struct tm tm = {
		.tm_sec = decode(r, r->ram[SECOND]),
		.tm_min = decode(r, r->ram[MINUTE]),
		.tm_hour = decode_hour(r, r->ram[HOUR]),
		.tm_mday = decode(r, r->ram[DAY]),
		.tm_mon = decode(r, r->ram[MONTH]) - 1,
		.tm_year = decode(r, r->ram[CENTURY]) * 100 + decode(r, r->ram[YEAR]) - 1900,
	};

	r->offset = (int64_t)timegm(&tm) - time(NULL);
}

static bool
is_time(uint8_t reg)
{
	return reg == SECOND || reg == MINUTE || reg == HOUR || (reg >= WEEKDAY && reg <= YEAR) || reg == CENTURY;
}

static uint8_t
reg_read(struct rtc *r)
{
	if (is_time(r->index) && !(r->ram[REG_B] & B_SET))
		load_time(r);
	return r->ram[r->index];
}

/* The SET bit stops the clock, so that the guest can write all of a new time; it runs on from there when cleared. */
static void
write_b(struct rtc *r, uint8_t v)
{
	uint8_t was = r->ram[REG_B];

	r->ram[REG_B] = v;
	if (!(was & B_SET))
		load_time(r);
	else if (!(v & B_SET))
		store_time(r);
}

static void
reg_write(struct rtc *r, uint8_t v)
{
	switch (r->index) {
	case REG_A:
		r->ram[REG_A] = v & 0x7f; /* update in progress is read-only */
		return;
	case REG_B:
		write_b(r, v);
		return;
	case REG_C:
	case REG_D:
		return;
	}
	if (!is_time(r->index)) {
		r->ram[r->index] = v;
		return;
	}
	if (!(r->ram[REG_B] & B_SET))
		load_time(r);
	r->ram[r->index] = v;
	if (!(r->ram[REG_B] & B_SET))
		store_time(r);
}

/* Bit 7 of the index masks NMIs on a PC; there are none here. The index cannot be read back. */
static void
port_access(void *dev, uint64_t off, void *data, unsigned len, bool write)
{
	struct rtc *r = dev;
	uint8_t *bytes = data;

	pthread_mutex_lock(&r->lock);
	for (unsigned i = 0; i < len; i++) {
		if (off + i == 0 && write)
			r->index = bytes[i] & 0x7f;
		else if (off + i == 1 && write)
			reg_write(r, bytes[i]);
		else if (off + i == 1)
			bytes[i] = reg_read(r);
	}
	pthread_mutex_unlock(&r->lock);
}

static void
put16(struct rtc *r, unsigned reg, uint64_t v)
{
	r->ram[reg] = (uint8_t)v;
	r->ram[reg + 1] = (uint8_t)(v >> 8);
}

static uint64_t
at_most(uint64_t v, uint64_t max)
{
	return v < max ? v : max;
}

/* What firmware on a PC without other means asks: memory in KiB from 1 MiB, in 64 KiB from 16 MiB and from 4 GiB. */
static void
init_memory(struct rtc *r, const struct guest_mem *m)
{
	uint64_t low = m->low_size, mib = 1 << 20;
	uint64_t high = at_most(m->high_size >> 16, 0xffffff);

	put16(r, 0x15, 640);
	put16(r, 0x17, low > mib ? at_most((low - mib) >> 10, 0xffff) : 0);
	put16(r, 0x30, low > mib ? at_most((low - mib) >> 10, 0xffff) : 0);
	put16(r, 0x34, low > 16 * mib ? at_most((low - 16 * mib) >> 16, 0xffff) : 0);
	put16(r, 0x5b, high);
	r->ram[0x5d] = (uint8_t)(high >> 16);
	r->ram[0x14] = 0x02; /* equipment: an FPU; no floppy, no display */
	r->ram[0x5f] = (uint8_t)at_most(r->vm->opt.cpus - 1, 255);
}

void
rtc_reset(struct rtc *r)
{
	pthread_mutex_lock(&r->lock);
	r->index = 0;
	r->ram[REG_A] = A_OSCILLATOR;
	r->ram[REG_B] = B_24H;
	r->ram[REG_C] = 0;
	r->ram[REG_D] = D_VALID;
	pthread_mutex_unlock(&r->lock);
}

void
rtc_init(struct rtc *r, struct vm *vm)
{
	tzset(); /* gmtime_r reads the host's time zone once, which the sealed process may not */
	*r = (struct rtc){.vm = vm};
	pthread_mutex_init(&r->lock, NULL);
	init_memory(r, &vm->mem);
	rtc_reset(r);
	vm->rtc = r;
	bus_add(&vm->ports, PORT_INDEX, 2, port_access, r);
}
