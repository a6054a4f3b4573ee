/* links: kvm-run/virtio_balloon.c kvm-run/mem.c kvm-run/mem_discard.c kvm-run/virtq.c kvm-run/virtio_lap.c */
/* SPDX-License-Identifier: ISC */
/* The balloon, seen from its driver, kind or not, and what the host has of it. */
#include "kvm-run/virtio_balloon.h"
#include "tests/unit/plug_rig.h"
#include "tests/unit/tap.h"

#define STATS_ON (1 << 1)
#define POISON_ON (1 << 4)
#define REPORTING_ON (1 << 5)
#define POISON_VAL 12
#define PAGE 4096ULL

enum { INFLATE, DEFLATE, STATS };

/* RAM of which every page has a byte of its own. */
static void
fill(void)
{
	for (uint64_t p = RIG_DATA; p < RIG_RAM; p += PAGE)
		memset(rig_at(p), (int)(p / PAGE % 255 + 1), PAGE);
}

static bool
intact(uint64_t page)
{
	return *rig_at(page * PAGE) == page % 255 + 1 && *rig_at(page * PAGE + PAGE - 1) == page % 255 + 1;
}

static bool
gone(uint64_t page)
{
	return !rig_resident(rig_at(page * PAGE), PAGE) && !*rig_at(page * PAGE);
}

static void
make(bool shared)
{
	char why[64];

	rig_memory(0, shared);
	if (balloon_create(&rig_vm, &rig_dev, why, sizeof(why)))
		abort();
	rig_start(STATS_ON | REPORTING_ON);
	fill();
}

static void
unmake(void)
{
	rig_dev->ops->stop(rig_dev);
	rig_dev->ops->destroy(rig_dev);
}

/* The numbers lie from RIG_DATA on, in a buffer of `len` bytes. */
static bool
inflate(const uint32_t *numbers, size_t n, uint32_t len)
{
	memcpy(rig_at(RIG_DATA), numbers, n * sizeof(*numbers));
	return rig_send(INFLATE, &(struct rig_piece){RIG_DATA, len, false}, 1);
}

static uint64_t
returned(void)
{
	struct balloon_state s;

	balloon_get(rig_dev, &s);
	return s.returned;
}

static void
test_offers(void)
{
	struct vm vm = {.mem.keep = true, .opt.memory.balloon = BALLOON_HARD};
	struct virtio_dev *d;
	char why[64];

	ok(rig_dev->offered == (1 << 1 | 1 << 2 | 1 << 4 | 1 << 5), "statistics, deflating when out of memory, poison, reports");
	balloon_create(&vm, &d, why, sizeof(why));
	ok(d->offered == (1 << 1 | 1 << 4), "no reports of memory that is kept, no deflating of a hard one");
	d->ops->destroy(d);
}

static void
test_inflate(void)
{
	uint32_t up[] = {512, 513, 514, 515}, mixed[] = {603, 602, 601, 700, 605, 606};
	uint64_t before = returned();

	ok(inflate(up, 4, sizeof(up)) && gone(512) && gone(515) && intact(511) && intact(516), "rising numbers: these pages and no others");
	ok(inflate(mixed, 6, sizeof(mixed)) && gone(601) && gone(602) && gone(603) && gone(700) && gone(605) && gone(606) && intact(600) &&
	    intact(604) && intact(607) && intact(699), "falling ones, and single ones between them");
	ok(returned() - before == 10 * PAGE, "bytes that were given back");
	ok(stub_interrupts == 2 && !stub_broken, "each was answered");
	*rig_at(512 * PAGE) = 7;
	ok(rig_send(DEFLATE, &(struct rig_piece){RIG_DATA, 16, false}, 1) && *rig_at(512 * PAGE) == 7, "deflating touches nothing");
}

static void
test_odd_numbers(void)
{
	uint32_t same[] = {800, 800, 800, 801, 800}, outside[] = {2048, 0x7ffff, 0x80000, 0x100000, UINT32_MAX, 0xfffffffe, 810};
	uint32_t over[] = {2046, 2047, 2048, 2049}, half[] = {820, 821};
	struct rig_piece cut[] = {{RIG_DATA, 3, false}, {RIG_DATA + 0x1003, 5, false}, {0x300000, 100, true}};

	ok(inflate(same, 5, sizeof(same)) && gone(800) && gone(801) && intact(802), "a page twice");
	ok(inflate(outside, 7, sizeof(outside)) && gone(810) && !stub_broken, "numbers of no RAM, and one of RAM after them");
	ok(inflate(over, 4, sizeof(over)) && gone(2046) && gone(2047), "a run over the end of RAM: as far as there is any");
	ok(inflate(half, 2, 7) && gone(820) && intact(821), "seven bytes are one number");
	ok(inflate(half, 0, 0) && rig_send(INFLATE, &(struct rig_piece){RIG_DATA, 16, true}, 1), "none at all, and none to read");
	put_le32(rig_at(RIG_DATA), 830);
	memcpy(rig_at(RIG_DATA + 0x1003), rig_at(RIG_DATA + 3), 1);
	put_le32(rig_at(RIG_DATA + 0x1004), 831);
	ok(rig_send(INFLATE, cut, 3) && gone(830) && gone(831), "numbers cut in two by the buffers");
	ok(!rig_send(INFLATE, &(struct rig_piece){RIG_RAM - 4, 8, false}, 1) && stub_broken, "a buffer outside of RAM breaks the ring");
	rig_start(STATS_ON | REPORTING_ON);
}

/* More numbers than one request may have; the last ones are of pages that are looked at. */
static void
test_many(void)
{
	const uint32_t max = 16384;

	for (uint32_t i = 0; i < max + 2; i++)
		put_le32(rig_at(RIG_DATA + 4 * i), i < max - 1 ? 0x70000 + 2 * i : 900 + i - (max - 1));
	ok(rig_send(INFLATE, &(struct rig_piece){RIG_DATA, 4 * (max + 2), false}, 1) && gone(900) && intact(901),
	    "so many numbers are read, and no more");
	fill();
}

static void
test_report(unsigned q, const char *what)
{
	struct rig_piece range[] = {{1000 * PAGE, 4 * PAGE, true}, {1010 * PAGE, PAGE, true}};
	struct rig_piece odd[] = {{1020 * PAGE + 1, 3 * PAGE, true}, {1030 * PAGE, PAGE - 1, true}, {1040 * PAGE + 5, 1, true}};
	struct rig_piece read = {1050 * PAGE, PAGE, false};

	fill();
	ok(rig_send(q, range, 2) && gone(1000) && gone(1003) && gone(1010) && intact(1004) && intact(1009), "%s: reported pages go", what);
	ok(rig_send(q, odd, 3) && intact(1020) && gone(1021) && gone(1022) && intact(1023) && intact(1030) && intact(1040),
	    "%s: of odd ranges only whole pages", what);
	ok(rig_send(q, &read, 1) && intact(1050), "%s: what is not to be written stays", what);
}

static void
test_queues(void)
{
	test_report(3, "queue 3");
	test_report(4, "queue 4");
	rig_start(REPORTING_ON);
	test_report(2, "queue 2, without statistics");
	rig_start(STATS_ON | REPORTING_ON | POISON_ON);
	test_report(3, "poison of 0");
	put_le32(&rig_dev->config[POISON_VAL], 0xaa);
	rig_start(STATS_ON | REPORTING_ON | POISON_ON);
	fill();
	ok(rig_send(3, &(struct rig_piece){1000 * PAGE, PAGE, true}, 1) && intact(1000), "poison: what the guest has put there stays");
	put_le32(&rig_dev->config[POISON_VAL], 0);
	rig_start(STATS_ON | REPORTING_ON);
	rig_vm.mem.keep = true;
	ok(rig_send(3, &(struct rig_piece){1000 * PAGE, PAGE, true}, 1) && intact(1000), "memory that is kept stays");
	rig_vm.mem.keep = false;
}

/* A kernel's file is mapped into RAM: its bytes must not come back. */
static void
test_files(void)
{
	struct rig_piece small = {0x200000 + 8 * PAGE, PAGE, true}, large = {0x200000 + PAGE, 0x3ff000, true};
	int fd = memfd_create("kernel", MFD_CLOEXEC);
	uint8_t page[PAGE];

	memset(page, 0xee, sizeof(page));
	for (unsigned i = 0; i < 0x400000 / PAGE; i++)
		if (write(fd, page, sizeof(page)) != (ssize_t)sizeof(page))
			abort();
	ok(!mem_load(&rig_vm.mem, 0x200000, fd, 0, 0x400000) && rig_vm.mem.nfiles == 1 && *rig_at(0x200000) == 0xee, "a file in RAM");
	*rig_at(small.gpa) = 0;
	ok(rig_send(3, &small, 1) && !*rig_at(small.gpa), "a small range keeps what the guest has put there");
	ok(rig_send(3, &large, 1) && *rig_at(0x3ff000) == 0xee && !*rig_at(0x400000) && !*rig_at(0x5fffff), "whole huge pages are zero");
	ok(intact(0x600000 / PAGE), "and the end of the file is one");
	ok(!mem_clear(&rig_vm.mem) && !rig_vm.mem.nfiles, "after a reset there is none");
	close(fd);
	rig_start(STATS_ON | REPORTING_ON);
}

static void
test_shared(void)
{
	struct rig_piece range = {1000 * PAGE, 100 * PAGE, true};
	struct stat before, after;
	uint32_t page = 1200;

	make(true);
	fstat(rig_vm.mem.fd, &before);
	ok(rig_send(3, &range, 1) && inflate(&page, 1, 4), "pages of a file");
	fstat(rig_vm.mem.fd, &after);
	ok(before.st_blocks - after.st_blocks == 101 * 8, "leave holes in it, %ld blocks", (long)(before.st_blocks - after.st_blocks));
	ok(!*rig_at(1000 * PAGE) && intact(999) && intact(1100) && !*rig_at(1200 * PAGE), "of zeroes, where they were");
	unmake();
	/* As with huge pages: what is smaller stays. */
	make(true);
	rig_vm.mem.page = 2 << 20;
	ok(inflate(&page, 1, 4) && intact(1200), "pages that are part of a huge one stay");
	ok(rig_send(3, &(struct rig_piece){0x300000, 0x300000, true}, 1) && intact(0x3ff000 / PAGE) && !*rig_at(0x400000) && !*rig_at(0x5ff000),
	    "a report of half a huge page and a whole one");
	unmake();
}

static bool
tell(uint32_t len)
{
	return rig_send(STATS, &(struct rig_piece){RIG_DATA, len, false}, 1);
}

static void
stat_at(unsigned i, uint16_t tag, uint64_t value)
{
	put_le16(rig_at(RIG_DATA + 10 * i), tag);
	put_le64(rig_at(RIG_DATA + 10 * i + 2), value);
}

static void
test_stats(void)
{
	struct balloon_state s;

	rig_start(STATS_ON);
	ok(!balloon_ask(rig_dev), "nobody to ask");
	stat_at(0, 4, 123456);
	stat_at(1, 15, 77);
	stat_at(2, 16, 1);
	stat_at(3, 0xffff, 2);
	stat_at(4, 5, 99);
	ok(!tell(49) && rig_wakes == 1, "the first ones; the buffer stays");
	balloon_get(rig_dev, &s);
	ok(s.stats.count == 1 && s.stats.value[4] == 123456 && s.stats.value[15] == 77 && s.stats.value[5] == UINT64_MAX && s.driver,
	    "those that are known and whole");
	ok(balloon_ask(rig_dev) && stub_interrupts == 2, "asked: the buffer goes back");
	ok(!balloon_ask(rig_dev), "once");
	ok(!tell(50), "new ones");
	ok(tell(0), "a second buffer sends back the first");
	balloon_get(rig_dev, &s);
	ok(s.stats.count == 3 && s.stats.value[5] == UINT64_MAX, "and says nothing");
	ok(tell(4 << 10) && tell(60000), "very much");
	rig_dev->ops->stop(rig_dev);
	ok(!balloon_ask(rig_dev), "the driver goes");
}

static void
test_config(void)
{
	struct virtio_dev *d = rig_dev;
	struct balloon_state s;

	balloon_set(d, 5 * PAGE);
	ok(stub_changes == 1 && get_le32(d->config) == 5, "what it is to hold");
	memset(d->config, 0xff, 12); /* as the transport does it */
	d->ops->config_written(d, 0, 4);
	ok(get_le32(d->config) == 5 && get_le32(d->config + 8) == 0, "the driver cannot write over that");
	balloon_get(d, &s);
	ok(s.actual == UINT32_MAX * PAGE && s.target == 5 * PAGE, "but says what it likes of what it holds");
	d->ops->stop(d);
	balloon_get(d, &s);
	ok(s.actual == 0 && s.target == 5 * PAGE, "which is nothing when it is gone");
	balloon_set(d, UINT64_MAX);
	ok(get_le32(d->config) == UINT32_MAX, "more than can be said");
}

int
main(void)
{
	make(false);
	test_offers();
	test_inflate();
	test_odd_numbers();
	test_many();
	test_queues();
	test_files();
	test_stats();
	test_config();
	unmake();
	test_shared();
	return tap_done();
}
