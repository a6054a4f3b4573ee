/* links: kvm-run/virtio_blk.c kvm-run/stats_disk.c kvm-run/virtio_blk_new.c kvm-run/blk_wire.c kvm-run/virtq.c kvm-run/mem.c */
/* SPDX-License-Identifier: ISC */
/* The block device's requests: what a chain of descriptors becomes at the disk, and what the driver gets back. */
#include <fcntl.h>

#include "tests/unit/blk_rig.h"
#include "tests/unit/tap.h"

enum { IN = 0, OUT = 1, FLUSH = 4, GET_ID = 8, DISCARD = 11, ZEROES = 13 };
enum { OK = 0, IOERR = 1, UNSUPP = 2, NONE = 0xee }; /* NONE: never written */

#define HEADER RIG_DATA
#define STATUS (RIG_DATA + 0x800)
#define BUFFER (RIG_DATA + 0x1000)
#define ALL (BLK_F_FLUSH | BLK_F_CONFIG_WCE | BLK_F_DISCARD | BLK_F_WRITE_ZEROES | BLK_F_MQ)

static uint16_t next_desc;

static void
put_header(uint32_t type, uint64_t sector)
{
	memset(rig_ram + HEADER, 0, 64);
	memcpy(rig_ram + HEADER, &type, 4);
	memcpy(rig_ram + HEADER + 8, &sector, 8);
	rig_ram[STATUS] = NONE;
}

static void
put_range(uint64_t sector, uint32_t sectors, uint32_t flags)
{
	memcpy(rig_ram + HEADER + 16, &sector, 8);
	memcpy(rig_ram + HEADER + 24, &sectors, 4);
	memcpy(rig_ram + HEADER + 28, &flags, 4);
}

/* Offers a chain of n descriptors, without a kick. */
static void
offer(const struct rig_desc *d, unsigned n)
{
	struct virtq *vq = &rig_queue->vq;
	uint16_t *avail = vq->avail;
	struct rig_desc *table = vq->desc;

	avail[2 + avail[1] % vq->size] = next_desc;
	for (unsigned i = 0; i < n; i++) {
		uint16_t at = next_desc, link = (uint16_t)((at + 1) % vq->size);

		table[at] = d[i];
		table[at].flags |= i + 1 < n ? NEXT : 0;
		table[at].next = link;
		next_desc = link;
	}
	avail[1]++;
}

static void
kick(void)
{
	rig_blk->dev.ops->kick(&rig_blk->dev, 0);
}

static uint16_t
used_count(void)
{
	return ((uint16_t *)rig_queue->vq.used)[1];
}

static uint32_t
used_len(void)
{
	uint32_t *used = rig_queue->vq.used;

	return used[1 + 2 * ((used_count() - 1) % rig_queue->vq.size) + 1];
}

static void
begin(uint64_t features)
{
	rig_start(features, 128);
	next_desc = 0;
	memset(rig_bytes, 'd', sizeof(rig_bytes));
	rig_hold = false;
	rig_error = 0;
}

/* One request of header (hlen bytes), data (direction, length) and status, alone on a fresh device; the status byte. */
static uint8_t
one(uint32_t hlen, uint32_t len, bool in)
{
	const struct rig_desc d[3] = {
		{HEADER, hlen, 0, 0}, {BUFFER, len, in ? WRITE : 0, 0}, {STATUS, 1, WRITE, 0}};

	next_desc = 0;
	offer(d, 3);
	kick();
	return rig_ram[STATUS];
}

static uint8_t
request(uint32_t type, uint64_t sector, uint32_t len)
{
	begin(ALL);
	put_header(type, sector);
	return one(16, len, type != OUT);
}

static void
test_read_write(void)
{
	ok(request(IN, 3, 1024) == OK, "a read succeeds");
	is(rig_log, "read@1536+1024/1", "and asks the disk for its bytes in one piece");
	ok(rig_ram[BUFFER] == 'd' && rig_ram[BUFFER + 1023] == 'd' && !rig_ram[BUFFER + 1024], "which reach the buffer");
	ok(used_count() == 1 && used_len() == 1025, "used: data and status");
	ok(stub_interrupts == 1, "one interrupt");

	begin(ALL);
	put_header(OUT, 127);
	memset(rig_ram + BUFFER, 'w', 512);
	ok(one(16, 512, false) == OK, "a write of the last sector succeeds");
	is(rig_log, "write@65024+512/1", "and reaches the disk");
	ok(rig_bytes[65023] == 'd' && rig_bytes[65024] == 'w' && rig_bytes[65535] == 'w', "with its bytes");
	ok(used_len() == 1, "used: the status");
}

static void
test_cut_anyhow(void)
{
	const struct rig_desc write[] = {{HEADER, 7, 0, 0}, {HEADER + 7, 9, 0, 0}, {BUFFER, 100, 0, 0},
		{BUFFER + 100, 412, 0, 0}, {STATUS, 1, WRITE, 0}};
	const struct rig_desc joined[] = {{BUFFER, 16 + 512, 0, 0}, {STATUS, 1, WRITE, 0}};
	const struct rig_desc read[] = {{HEADER, 16, 0, 0}, {BUFFER, 513, WRITE, 0}};

	begin(ALL);
	put_header(OUT, 1);
	memset(rig_ram + BUFFER, 'w', 512);
	offer(write, 5);
	kick();
	is(rig_log, "write@512+512/2", "a header in two pieces, data in two");
	ok(rig_ram[STATUS] == OK && rig_bytes[1023] == 'w', "written");

	begin(ALL);
	put_header(OUT, 2);
	memcpy(rig_ram + BUFFER, rig_ram + HEADER, 16);
	memset(rig_ram + BUFFER + 16, 'j', 512);
	offer(joined, 2);
	kick();
	is(rig_log, "write@1024+512/1", "header and data in one descriptor");
	ok(rig_bytes[1024] == 'j' && rig_bytes[1535] == 'j', "the data begin after the header");

	begin(ALL);
	put_header(IN, 0);
	rig_ram[BUFFER + 512] = NONE;
	offer(read, 2);
	kick();
	is(rig_log, "read@0+512/1", "data and status in one descriptor");
	ok(rig_ram[BUFFER + 511] == 'd' && rig_ram[BUFFER + 512] == OK, "the status is the last byte");
}

static void
test_refused(void)
{
	ok(request(IN, 128, 512) == IOERR, "a read past the end fails");
	ok(request(IN, 127, 1024) == IOERR, "a read across the end fails");
	ok(request(OUT, UINT64_MAX, 512) == IOERR, "a sector number whose byte overflows fails");
	ok(request(OUT, 1ULL << 55, 512) == IOERR, "a sector number whose byte wraps to 0 fails");
	ok(request(IN, 0, 510) == IOERR, "a read of no whole sectors fails");
	is(rig_log, "", "and none of them reaches the disk");
	ok(rig_ram[BUFFER] == 0 && used_len() == 1, "nor the buffer");
	begin(ALL);
	put_header(OUT, 0);
	ok(one(16, 512, true) == IOERR, "a write whose data point the wrong way fails");
	begin(ALL);
	put_header(IN, 0);
	ok(one(16, 512, false) == IOERR, "a read whose data point the wrong way fails");
	begin(ALL);
	put_header(IN, 0);
	ok(one(15, 512, true) == IOERR, "a header that is too short fails");
	begin(ALL);
	put_header(GET_ID, 0);
	ok(one(15, 20, true) == IOERR && !rig_ram[BUFFER], "whatever its type");
	ok(request(2, 0, 512) == UNSUPP && request(0x80000000, 0, 0) == UNSUPP, "SCSI commands, barriers: unsupported");
	is(rig_log, "", "and nothing of it reaches the disk");
	ok(request(IN, 128, 0) == OK, "a read of nothing at the end succeeds");
}

static void
test_broken(void)
{
	const struct rig_desc no_status[] = {{HEADER, 16, 0, 0}, {BUFFER, 512, 0, 0}};
	const struct rig_desc good[] = {{HEADER, 16, 0, 0}, {STATUS, 1, WRITE, 0}};

	begin(ALL);
	put_header(OUT, 0);
	offer(no_status, 2);
	kick();
	is(stub_broken ? stub_broken : "", "request without a status byte", "without a status byte the device needs a reset");
	put_header(FLUSH, 0);
	offer(good, 2);
	kick();
	ok(rig_ram[STATUS] == NONE, "and takes nothing more");
	is(rig_log, "", "nor asks the disk");
	ok(request(FLUSH, 0, 0) == OK, "after a reset it works");
}

static void
test_others(void)
{
	ok(request(FLUSH, 0, 0) == OK, "a flush succeeds");
	is(rig_log, "flush", "and reaches the disk");
	ok(request(GET_ID, 0, 20) == OK, "GET_ID succeeds");
	ok(!memcmp(rig_ram + BUFFER, "serial-0123456789abc", 20) && used_len() == 21, "20 bytes, without a NUL");
	ok(request(GET_ID, 0, 5) == OK && !memcmp(rig_ram + BUFFER, "seria\0", 6), "a short buffer gets what fits");
	rig_error = EIO;
	begin(ALL);
	rig_error = EIO;
	put_header(IN, 0);
	ok(one(16, 512, true) == IOERR && used_len() == 1, "an error of the disk is the driver's");
	rig_error = 0;
}

static uint8_t
range(uint32_t type, uint64_t sector, uint32_t sectors, uint32_t flags, uint32_t len)
{
	begin(ALL);
	put_header(type, sector);
	put_range(sector, sectors, flags);
	return one(len, 0, false);
}

static void
test_ranges(void)
{
	ok(range(DISCARD, 8, 16, 0, 32) == OK, "a discard succeeds");
	is(rig_log, "discard@4096+8192", "and reaches the disk");
	ok(range(ZEROES, 8, 16, 0, 32) == OK && !rig_bytes[4096], "write zeroes succeeds");
	is(rig_log, "zero@4096+8192", "without a hole");
	ok(range(ZEROES, 0, 128, 1, 32) == OK, "write zeroes with unmap succeeds");
	is(rig_log, "zero@0+65536?", "with a hole");
	ok(range(DISCARD, 8, 16, 1, 32) == UNSUPP, "a discard with unmap is unsupported");
	ok(range(ZEROES, 8, 16, 2, 32) == UNSUPP, "so are flags that nobody knows");
	ok(range(DISCARD, 127, 2, 0, 32) == IOERR, "a discard past the end fails");
	ok(range(ZEROES, 1ULL << 55, 2, 0, 32) == IOERR, "write zeroes far past the end fails");
	ok(range(DISCARD, 0, 2, 0, 31) == IOERR && range(DISCARD, 0, 2, 0, 48) == IOERR, "no or two ranges fail");
	is(rig_log, "", "and nothing reaches the disk");
}

static void
test_cache(void)
{
	uint8_t off = 0;
	unsigned at = offsetof(struct blk_config, writeback);
	struct virtio_dev *d = &rig_blk->dev;

	ok(d->config[at] == 1, "the cache is said to be a write-back one");
	begin(ALL & ~(BLK_F_FLUSH | BLK_F_CONFIG_WCE));
	put_header(OUT, 0);
	one(16, 512, false);
	is(rig_log, "write@0+512/1!", "a driver that cannot flush gets stable writes");
	begin(ALL);
	memset(d->config, 0x5a, d->config_len);
	d->config[at] = off;
	d->ops->config_written(d, 0, d->config_len);
	put_header(OUT, 0);
	one(16, 512, false);
	put_header(IN, 0);
	one(16, 512, true);
	put_header(ZEROES, 0);
	put_range(0, 1, 0);
	one(32, 0, false);
	is(rig_log, "write@0+512/1! read@0+512/1 zero@0+512!", "a driver that chooses write-through gets it");
	ok(d->config[0] == 128 && d->config[1] == 0, "and can write nothing else of the configuration");
	begin(ALL);
	ok(d->config[at] == 1, "a reset brings the cache back");
	begin(ALL & ~BLK_F_CONFIG_WCE);
	d->config[at] = off;
	d->ops->config_written(d, at, 1);
	put_header(OUT, 0);
	one(16, 512, false);
	is(rig_log, "write@0+512/1", "a driver that did not ask to choose cannot");
	ok(d->config[at] == 1, "and reads the truth");
}

/* More requests than slots: 128 of three descriptors in a ring that is filled through indirect tables. */
static void
test_many(void)
{
	struct rig_desc *table = (struct rig_desc *)(rig_ram + 0x80000);
	uint64_t n;

	begin(ALL);
	rig_hold = true;
	put_header(IN, 5);
	for (unsigned i = 0; i < 128; i++) {
		struct rig_desc d = {0x80000 + i * 48, 48, INDIRECT, 0};

		table[3 * i] = (struct rig_desc){HEADER, 16, NEXT, 1};
		table[3 * i + 1] = (struct rig_desc){BUFFER, 512, NEXT | WRITE, 2};
		table[3 * i + 2] = (struct rig_desc){STATUS, 1, WRITE, 0};
		offer(&d, 1);
	}
	kick();
	ok(used_count() == 0 && stub_interrupts == 0, "128 requests in flight");
	rig_hold = false;
	rig_release(&rig_disk);
	rig_disk.reaped(&rig_disk);
	ok(used_count() == 128 && stub_interrupts == 1, "all answered, with one interrupt");
	ok(read(rig_queue->kick_fd, &n, 8) == 8 && n == 1, "a full batch asks to be kicked again");
	for (unsigned i = 0; i < 128; i++) {
		struct rig_desc d = {0x80000 + i * 48, 48, INDIRECT, 0};

		offer(&d, 1);
	}
	rig_hold = true;
	kick();
	rig_blk->dev.ops->stop(&rig_blk->dev);
	rig_blk->dev.running = false;
	ok(!rig_held && used_count() == 256, "a stop waits for what is in flight");
}

static int
temp_file(void)
{
	char path[] = "/tmp/kvm-utils.XXXXXX";
	int fd = mkstemp(path);

	if (fd < 0 || unlink(path) < 0 || ftruncate(fd, 1 << 20) < 0)
		abort();
	return fd;
}

/* Wires whose devices came and went: their slots stay, and their numbers are used again. */
static void
test_wires(void)
{
	struct wires *ws = &rig_vm.wires;
	struct wire *w = &ws->v[1];
	struct virtio_dev *d;
	char why[128];
	const char *bad;
	int fd = temp_file();

	ws->n = 2;
	*w = (struct wire){.kind = WIRE_BLK, .id = "new", .nfds = 1, .fds = {fd}};
	ws->v[0] = (struct wire){.kind = WIRE_BLK, .id = "other", .nfds = 1, .fds = {fd}};
	is(blk_create(&rig_vm, w, false, &d, why, sizeof(why)), why, "a file that another wire has is refused");
	ws->v[0].nfds = 0;
	bad = blk_create(&rig_vm, w, false, &d, why, sizeof(why));
	is(bad, NULL, "but not because of one that was unplugged");
	if (bad)
		return;
	rig_blk = blk_of(d);
	rig_unmake();
	ok(fcntl(fd, F_GETFD) < 0, "a device that goes closes its descriptor");
}

static void
test_setup(void)
{
	struct virtio_dev *d;

	rig_make(true, true, 1);
	d = &rig_blk->dev;
	ok((d->offered & BLK_F_RO) && !(d->offered & (BLK_F_DISCARD | BLK_F_WRITE_ZEROES)), "a read-only disk says so");
	ok(d->nqueues == 1, "one vCPU, one queue");
	ok(request(OUT, 0, 512) == IOERR && request(IN, 0, 512) == OK, "it is read, not written");
	ok(range(DISCARD, 0, 1, 0, 32) == IOERR && range(ZEROES, 0, 1, 0, 32) == IOERR, "nor discarded, nor zeroed");
	rig_unmake();
	rig_make(false, false, 64);
	d = &rig_blk->dev;
	ok(d->nqueues == 4 && d->config[34] == 4, "64 vCPUs, four queues");
	ok(d->config[offsetof(struct blk_config, writeback)] == 0, "write-through is said");
	ok(request(OUT, 0, 512) == OK, "a write");
	is(rig_log, "write@0+512/1!", "is stable when it is done");
	rig_unmake();
}

int
main(void)
{
	rig_make(false, true, 2);
	ok(rig_blk->dev.nqueues == 2 && rig_blk->dev.config_len == 60, "two vCPUs, two queues");
	test_read_write();
	test_cut_anyhow();
	test_refused();
	test_broken();
	test_others();
	test_ranges();
	test_cache();
	test_many();
	rig_unmake();
	test_setup();
	test_wires();
	return tap_done();
}
