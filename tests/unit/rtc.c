/* links: kvm-run/rtc.c kvm-run/civil.c kvm-run/bus.c */
/* SPDX-License-Identifier: ISC */
/* The clock chip, with a host clock that this test sets. */
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>

#include "kvm-run/rtc.h"
#include "kvm-run/vm.h"
#include "tests/unit/ports.h"

#define T1 1709210096 /* Thu 2024-02-29 12:34:56 UTC */
#define T2 1451606399 /* Thu 2015-12-31 23:59:59 */

static struct vm vm;
static struct rtc rtc;
static time_t host;
static time_t timer; /* its interval */
static bool irq;

int
clock_gettime(clockid_t id, struct timespec *ts)
{
	(void)id;
	*ts = (struct timespec){.tv_sec = host};
	return 0;
}

int
timerfd_settime(int fd, int flags, const struct itimerspec *t, struct itimerspec *old)
{
	(void)fd, (void)old;
	ok(flags == TFD_TIMER_ABSTIME && (!t->it_value.tv_sec || t->it_value.tv_sec == host + 1), "at the next second");
	timer = t->it_interval.tv_sec;
	return 0;
}

void
vm_irq_line(struct vm *v, unsigned gsi, bool level)
{
	(void)v;
	ok(gsi == RTC_IRQ && level != irq, "the line goes %s", level ? "up" : "down");
	irq = level;
}

static uint8_t
get(uint8_t reg)
{
	port_write(&vm.ports, 0x70, 1, reg);
	return (uint8_t)port_read(&vm.ports, 0x71, 1);
}

static void
set(uint8_t reg, uint8_t v)
{
	port_write(&vm.ports, 0x70, 1, reg);
	port_write(&vm.ports, 0x71, 1, v);
}

/* Century, year, month, day, weekday, hour, minute, second. */
static const uint8_t time_regs[8] = {0x32, 9, 8, 7, 6, 4, 2, 0};

static void
expect(const char *what, const uint8_t want[8])
{
	for (int i = 0; i < 8; i++) {
		uint8_t v = get(time_regs[i]);

		ok(v == want[i], "%s: register %#x reads %#x, want %#x", what, time_regs[i], v, want[i]);
	}
}

static void
set_time(const uint8_t v[8])
{
	for (int i = 0; i < 8; i++)
		set(time_regs[i], v[i]);
}

static void
test_read(void)
{
	host = T1;
	expect("BCD, 24 hours", (const uint8_t[8]){0x20, 0x24, 0x02, 0x29, 5, 0x12, 0x34, 0x56});
	set(0x0b, 0x06);
	expect("binary, 24 hours", (const uint8_t[8]){20, 24, 2, 29, 5, 12, 34, 56});
	set(0x0b, 0x00);
	expect("BCD, noon", (const uint8_t[8]){0x20, 0x24, 0x02, 0x29, 5, 0x92, 0x34, 0x56});
	host = T1 - 12 * 3600;
	expect("BCD, midnight", (const uint8_t[8]){0x20, 0x24, 0x02, 0x29, 5, 0x12, 0x34, 0x56});
	host = T1 + 3600;
	set(0x0b, 0x04);
	expect("binary, 1 pm", (const uint8_t[8]){20, 24, 2, 29, 5, 0x81, 34, 56});
	set(0x0b, 0x02);
}

static void
test_set(void)
{
	host = T1;
	set(0x0b, 0x82);
	host++;
	expect("held by SET", (const uint8_t[8]){0x20, 0x24, 0x02, 0x29, 5, 0x12, 0x34, 0x56});
	set_time((const uint8_t[8]){0x20, 0x15, 0x12, 0x31, 5, 0x23, 0x59, 0x59});
	host++;
	expect("as written", (const uint8_t[8]){0x20, 0x15, 0x12, 0x31, 5, 0x23, 0x59, 0x59});
	set(0x0b, 0x02);
	ok(rtc.offset == (int64_t)T2 - T1 - 2, "the offset is %lld", (long long)rtc.offset);
	host++;
	expect("a second later", (const uint8_t[8]){0x20, 0x16, 0x01, 0x01, 6, 0x00, 0x00, 0x00});
	rtc_reset(&rtc);
	expect("kept by the battery", (const uint8_t[8]){0x20, 0x16, 0x01, 0x01, 6, 0x00, 0x00, 0x00});
	set(0x04, 0x10);
	expect("one register, on the run", (const uint8_t[8]){0x20, 0x16, 0x01, 0x01, 6, 0x10, 0x00, 0x00});
	set(0x0b, 0x80);
	set_time((const uint8_t[8]){0x20, 0x24, 0x02, 0x29, 5, 0x92, 0x34, 0x56});
	set(0x0b, 0x00);
	ok(rtc.offset == T1 - host, "noon in 12 hours");
	set(0x0b, 0x80);
	for (int i = 0; i < 8; i++)
		set(time_regs[i], 0xff);
	set(0x0b, 0x02);
	ok(get(0) <= 0x59, "nonsense becomes some time");
	set(0x0b, 0x80);
	for (int i = 0; i < 8; i++)
		set(time_regs[i], 0);
	set(0x0b, 0x02);
	ok(get(8) == 0x11 && get(7) == 0x30, "month 0 is the December before, day 0 the last of November");
	rtc.offset = 0;
}

static void
test_control(void)
{
	static const uint8_t fixed[][3] = {
	    /* register, written, then read */
	    {0x0a, 0xff, 0x7f},
	    {0x0a, 0x26, 0x26},
	    {0x0c, 0xff, 0x00},
	    {0x0d, 0x00, 0x80},
	    {0x50, 0xa5, 0xa5},
	    {0x01, 0xc0, 0xc0},
	};

	ok(get(0x0a) == 0x26 && get(0x0b) == 0x02, "A and B at power-on");
	for (unsigned i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++) {
		set(fixed[i][0], fixed[i][1]);
		ok(get(fixed[i][0]) == fixed[i][2], "register %#x", fixed[i][0]);
	}
	port_write(&vm.ports, 0x70, 1, 0x80 | 0x0d);
	PORT_STEPS(&vm.ports, {'r', 0x71, 1, 0x80, "bit 7 of the index is the NMI mask"},
	    {'r', 0x70, 1, 0xff, "the index cannot be read"}, {'w', 0x70, 2, 0x5a50, ""}, {'r', 0x71, 1, 0x5a, "both at once"});
}

/* As the timer would do: its descriptor is an eventfd here. */
static void
tick(time_t seconds)
{
	host += seconds;
	eventfd_write(rtc.tick.fd, 1);
	rtc.tick.handler(&rtc.tick, EPOLLIN);
}

static void
test_updates(void)
{
	get(0x0c);
	ok(get(0x0c) == 0, "no update, no flag");
	host++;
	ok(get(0x0c) == 0x10 && get(0x0c) == 0, "an update is flagged once");
	set(0x0b, 0x12);
	ok(timer == 1 && !irq, "wanted, the timer runs");
	tick(1);
	ok(irq && get(0x0c) == 0x90 && !irq, "an update interrupts, reading C ends it");
	set(0x0b, 0x92);
	ok(!timer, "held by SET, the timer stops");
	set(0x0b, 0x02);
	tick(1);
	ok(!irq && get(0x0c) == 0x10, "not wanted, it does not interrupt");
}

static void
test_alarm(void)
{
	static const struct {
		uint8_t b, second, minute, hour;
		int before, after; /* seconds from 12:34:56 without and with the alarm */
		const char *what;
	} cases[] = {
	    {0x22, 0x58, 0x34, 0x12, 1, 2, "BCD"},
	    {0x26, 58, 34, 12, 1, 2, "binary"},
	    {0x20, 0x58, 0x34, 0x92, 1, 2, "12 hours"},
	    {0x22, 0x00, 0xff, 0xff, 3, 4, "every minute"},
	    {0x22, 0x00, 0x00, 0xc0, 1503, 1504, "every hour"},
	    {0x22, 0x55, 0x34, 0x12, 86398, 86399, "tomorrow"},
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		host = T1;
		get(0x0c);
		set(1, cases[i].second);
		set(3, cases[i].minute);
		set(5, cases[i].hour);
		set(0x0b, cases[i].b);
		tick(cases[i].before);
		ok(!irq, "alarm, %s: not yet", cases[i].what);
		host = T1 + cases[i].after - 1;
		tick(1);
		ok(irq && get(0x0c) == 0xb0, "alarm, %s", cases[i].what);
	}
	tick(1);
	ok(irq == false, "no alarm a second later");
	host -= 5000;
	tick(0);
	ok(!irq && get(0x0c) == 0x10, "the host's clock was set back");
	host = T1 - 2;
	tick(0);
	set(1, 0x58), set(3, 0x34), set(5, 0x12);
	tick(5);
	ok(irq, "an alarm is not missed by a late look");
	rtc_reset(&rtc);
	ok(!irq && !timer, "reset ends alarms");
}

static void
test_memory(uint64_t low, uint64_t high, unsigned cpus, const uint8_t want[10])
{
	static const uint8_t regs[10] = {0x17, 0x18, 0x30, 0x31, 0x34, 0x35, 0x5b, 0x5c, 0x5d, 0x5f};
	struct vm other = {.mem = {.low_size = low, .high_size = high}, .nvcpus = cpus};
	struct rtc r;

	loop_init(&other.loop);
	rtc_init(&r, &other);
	for (int i = 0; i < 10; i++)
		ok(r.ram[regs[i]] == want[i], "%llu MiB: register %#x is %#x, want %#x", (unsigned long long)(low + high) >> 20,
		    regs[i], r.ram[regs[i]], want[i]);
}

int
main(void)
{
	vm.mem.low_size = 1 << 28;
	vm.nvcpus = 1;
	loop_init(&vm.loop);
	ok(rtc_init(&rtc, &vm) == 0, "made");
	rtc.tick.fd = eventfd(0, EFD_NONBLOCK);
	test_control();
	test_read();
	test_set();
	test_updates();
	test_alarm();
	test_memory(64ULL << 20, 0, 1, (const uint8_t[10]){0, 0xfc, 0, 0xfc, 0, 0x03, 0, 0, 0, 0});
	test_memory(2ULL << 30, 3ULL << 30, 4, (const uint8_t[10]){0xff, 0xff, 0xff, 0xff, 0, 0x7f, 0, 0xc0, 0, 3});
	test_memory(1 << 20, 1ULL << 41, 300, (const uint8_t[10]){0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff});
	return tap_done();
}
