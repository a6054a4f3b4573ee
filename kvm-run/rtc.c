/* SPDX-License-Identifier: ISC */
/*
 * MC146818: time and date, alarm, 114 bytes of memory. The clock is the host's plus an offset, which changes when the
 * guest sets its time. Update in progress is never seen: the bytes change between two accesses, as after an update.
 */
#include <errno.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "common/util.h"
#include "kvm-run/civil.h"
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
#define B_ALARM 0x20 /* as in C: the interrupt is enabled, and has its reason */
#define B_UPDATE 0x10
#define B_BINARY 0x04
#define B_24H 0x02
#define C_IRQ 0x80
#define D_VALID 0x80 /* the battery is good */
#define HOUR_PM 0x80
#define ALARM_ANY 0xc0 /* an alarm's byte from here on matches every value; it stands behind the time's byte */
#define DAY_SECONDS 86400

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

/* Not time(2), which lags behind the timer that wakes us at a full second. */
static int64_t
host_seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec;
}

static void
show_time(struct rtc *r, int64_t seconds)
{
	struct civil c = civil_from_seconds(seconds);
	unsigned year = (unsigned)c.year; /* -1 when the guest set month 0 of year 0: any four digits will do then */

	r->ram[SECOND] = encode(r, (unsigned)c.second);
	r->ram[MINUTE] = encode(r, (unsigned)c.minute);
	r->ram[HOUR] = encode_hour(r, (unsigned)c.hour);
	r->ram[WEEKDAY] = encode(r, (unsigned)c.weekday);
	r->ram[DAY] = encode(r, (unsigned)c.day);
	r->ram[MONTH] = encode(r, (unsigned)c.month);
	r->ram[YEAR] = encode(r, year % 100);
	r->ram[CENTURY] = encode(r, year / 100 % 100);
}

static void
load_time(struct rtc *r)
{
	show_time(r, host_seconds() + r->offset);
}

/* Whatever the guest wrote becomes some time: the 31st of February is a day in March. */
static void
store_time(struct rtc *r)
{
	struct civil c = {
		.year = decode(r, r->ram[CENTURY]) * 100 + decode(r, r->ram[YEAR]),
		.month = decode(r, r->ram[MONTH]),
		.day = decode(r, r->ram[DAY]),
		.hour = decode_hour(r, r->ram[HOUR]),
		.minute = decode(r, r->ram[MINUTE]),
		.second = decode(r, r->ram[SECOND]),
	};

	r->seen = civil_to_seconds(&c);
	r->offset = r->seen - host_seconds();
}

static bool
alarm_now(const struct rtc *r)
{
	for (unsigned reg = SECOND; reg <= HOUR; reg += 2)
		if (r->ram[reg + 1] < ALARM_ANY && r->ram[reg + 1] != r->ram[reg])
			return false;
	return true;
}

/* Notes the updates since the last look, and whether the alarm's time was among them. */
static void
catch_up(struct rtc *r)
{
	int64_t now = host_seconds() + r->offset;

	if (now == r->seen || (r->ram[REG_B] & B_SET))
		return;
	r->ram[REG_C] |= B_UPDATE;
	if (now < r->seen || now - r->seen > DAY_SECONDS)
		r->seen = now - 1; /* the host's clock was set */
	while (r->seen < now) {
		show_time(r, ++r->seen);
		if (alarm_now(r))
			r->ram[REG_C] |= B_ALARM;
	}
}

static void
update_irq(struct rtc *r)
{
	uint8_t *c = &r->ram[REG_C], was = *c & C_IRQ;

	*c = (uint8_t)((*c & ~C_IRQ) | (*c & r->ram[REG_B] & (B_ALARM | B_UPDATE) ? C_IRQ : 0));
	if ((*c & C_IRQ) != was)
		vm_irq_line(r->vm, RTC_IRQ, *c & C_IRQ);
}

/* The timer runs at the host's full seconds, which are the guest's too, and only for a guest that wants to hear of them. */
static void
set_tick(struct rtc *r)
{
	bool want = (r->ram[REG_B] & (B_ALARM | B_UPDATE)) && !(r->ram[REG_B] & B_SET);
	struct itimerspec t = {0};

	if (want == r->ticking)
		return;
	r->ticking = want;
	if (want)
		t = (struct itimerspec){.it_interval.tv_sec = 1, .it_value.tv_sec = host_seconds() + 1};
	timerfd_settime(r->tick.fd, TFD_TIMER_ABSTIME, &t, NULL);
}

static void
on_tick(struct watch *w, uint32_t events)
{
	struct rtc *r = container_of(w, struct rtc, tick);
	uint64_t ticks;

	(void)events;
	if (read(w->fd, &ticks, sizeof(ticks)) < 0)
		return; /* stopped meanwhile */
	pthread_mutex_lock(&r->lock);
	catch_up(r);
	update_irq(r);
	pthread_mutex_unlock(&r->lock);
}

static bool
is_time(uint8_t reg)
{
	return reg == SECOND || reg == MINUTE || reg == HOUR || (reg >= WEEKDAY && reg <= YEAR) || reg == CENTURY;
}

/* Reading C clears it, and with it the interrupt. */
static uint8_t
read_c(struct rtc *r)
{
	uint8_t v;

	catch_up(r);
	update_irq(r);
	v = r->ram[REG_C];
	if (v & C_IRQ)
		vm_irq_line(r->vm, RTC_IRQ, false);
	r->ram[REG_C] = 0;
	return v;
}

static uint8_t
reg_read(struct rtc *r)
{
	if (r->index == REG_C)
		return read_c(r);
	if (is_time(r->index) && !(r->ram[REG_B] & B_SET))
		load_time(r);
	return r->ram[r->index];
}

/* The SET bit stops the clock, so that the guest can write all of a new time; it runs on from there when cleared. */
static void
write_b(struct rtc *r, uint8_t v)
{
	uint8_t was = r->ram[REG_B];

	catch_up(r);
	r->ram[REG_B] = v;
	if (!(was & B_SET))
		load_time(r);
	else if (!(v & B_SET))
		store_time(r);
	set_tick(r);
	update_irq(r);
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
}

void
rtc_reset(struct rtc *r)
{
	pthread_mutex_lock(&r->lock);
	r->index = 0;
	r->ram[REG_A] = A_OSCILLATOR;
	r->ram[REG_B] = B_24H;
	read_c(r);
	r->ram[REG_D] = D_VALID;
	r->ram[0x5f] = (uint8_t)at_most(r->vm->nvcpus - 1, 255); /* firmware waits for as many to start */
	set_tick(r);
	pthread_mutex_unlock(&r->lock);
}

int
rtc_init(struct rtc *r, struct vm *vm)
{
	*r = (struct rtc){.vm = vm, .seen = host_seconds()};
	pthread_mutex_init(&r->lock, NULL);
	init_memory(r, &vm->mem);
	rtc_reset(r);
	r->tick.handler = on_tick;
	r->tick.fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	if (r->tick.fd < 0)
		return -errno;
	vm->rtc = r;
	bus_add(&vm->ports, PORT_INDEX, 2, port_access, r);
	return loop_watch(&vm->loop, &r->tick, EPOLLIN);
}
