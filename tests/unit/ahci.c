/* links: kvm-run/bus.c kvm-run/ahci.c kvm-run/ahci_port.c kvm-run/ahci_cmd.c kvm-run/ahci_fis.c kvm-run/ata.c kvm-run/ata_identify.c kvm-run/atapi.c kvm-run/atapi_info.c kvm-run/mem.c */
/* SPDX-License-Identifier: ISC */
/* The AHCI controller as a driver sees it: registers, command lists, what reaches the disk, what the drives answer. */
#include "tests/unit/ahci_rig.h"
#include "tests/unit/tap.h"

enum { DISK, CD };

#define CI 0x38
#define SACT 0x34
#define IS 0x10
#define TFD 0x20

static unsigned
port(unsigned n, unsigned reg)
{
	return 0x100 + 0x80 * n + reg;
}

static uint8_t *
table(unsigned p, unsigned slot)
{
	return rig_ram + RIG_TABLE + 0x8000 * p + 0x400 * slot;
}

/* Writes a command into a slot, its buffer of `len` bytes in one piece. */
static void
put(unsigned p, unsigned slot, uint8_t command, uint64_t lba, uint16_t count, uint16_t features, uint8_t device, uint32_t len)
{
	uint8_t *h = rig_ram + RIG_LIST + 0x1000 * p + 32 * slot, *t = table(p, slot);

	memset(h, 0, 32);
	memset(t, 0, 0x400);
	h[0] = 5;
	put_le16(h + 2, len ? 1 : 0);
	put_le32(h + 8, (uint32_t)(t - rig_ram));
	t[0] = 0x27;
	t[1] = 0x80;
	t[2] = command;
	t[3] = (uint8_t)features;
	t[11] = (uint8_t)(features >> 8);
	for (unsigned i = 0; i < 3; i++) {
		t[4 + i] = (uint8_t)(lba >> 8 * i);
		t[8 + i] = (uint8_t)(lba >> (24 + 8 * i));
	}
	t[7] = device;
	put_le16(t + 12, count);
	put_le32(t + 0x80, RIG_DATA + 0x8000 * slot);
	put_le32(t + 0x8c, len - 1);
}

static uint8_t *
buffer(unsigned slot)
{
	return rig_ram + RIG_DATA + 0x8000 * slot;
}

/* One command alone on a fresh machine; its status and error registers. */
static uint32_t
one(unsigned p, uint8_t command, uint64_t lba, uint16_t count, uint16_t features, uint8_t device, uint32_t len)
{
	rig_start();
	put(p, 0, command, lba, count, features, device, len);
	rig_write(port(p, CI), 1);
	return rig_read(port(p, TFD));
}

static void
test_start(void)
{
	rig_write(0x04, 1);
	ok(rig_read(0x04) == 0x80000000, "a reset is over when it is seen, AHCI mode stays");
	ok((rig_read(0x00) & 0xc000001f) == 0xc0000001 && rig_read(0x0c) == 3 && rig_read(0x10) == 0x10300,
	    "two ports, NCQ, 64-bit addresses, version 1.3");
	ok(rig_read(port(DISK, 0x28)) == 0x133 && rig_read(port(DISK, TFD)) == 0x7f && rig_read(port(DISK, 0x24)) == 0xffffffff,
	    "the link is up, no FIS was received");
	rig_write(port(DISK, 0x08), RIG_FIS);
	rig_write(port(DISK, 0x18), 0x10);
	ok(rig_read(port(DISK, TFD)) == 0x150 && rig_read(port(DISK, 0x24)) == 0x101, "the disk's signature comes with FIS reception");
	ok(rig_ram[RIG_FIS + 0x40] == 0x34 && (rig_read(port(DISK, IS)) & 1), "in a FIS");
	rig_start();
	ok(rig_read(port(CD, 0x24)) == 0xeb140101 && (rig_read(port(CD, TFD)) & 0xff) == 0, "the CD-ROM drive's signature");
	ok(rig_read(port(DISK, 0x18)) == 0xc011, "list and FISes run");
	rig_write(port(DISK, 0x18), 0x10);
	ok(rig_read(port(DISK, 0x18)) == 0x4010, "the list stops");
	rig_write(port(DISK, 0x2c), 1);
	ok(rig_read(port(DISK, 0x28)) == 0 && (rig_read(port(DISK, 0x24)) == 0xffffffff || rig_read(port(DISK, TFD)) & 0x80),
	    "COMRESET takes the link down");
	rig_write(port(DISK, 0x2c), 0);
	ok(rig_read(port(DISK, 0x28)) == 0x133 && rig_read(port(DISK, TFD)) == 0x150, "and it comes back with the signature");
	ok(rig_read(port(7, 0x28)) == 0, "a port that is not there reads as 0");
}

static void
test_identify(void)
{
	uint8_t sum = 0, *b = buffer(0);

	ok(one(DISK, 0xec, 0, 0, 0, 0, 512) == 0x50, "IDENTIFY DEVICE succeeds");
	for (unsigned i = 0; i < 512; i++)
		sum = (uint8_t)(sum + b[i]);
	ok(!sum && b[510] == 0xa5, "with a right checksum");
	ok(get_le32(b + 120) == 128 && get_le64(b + 200) == 128, "the size");
	ok(!memcmp(b + 20, "esirla", 6) && get_le16(b + 2 * 75) == 31 && get_le16(b + 2 * 76) & 0x100, "serial number, queue");
	ok(get_le16(b + 2 * 106) == 0x6003, "eight logical sectors in a physical one");
	ok(rig_read(port(DISK, IS)) == 2 && rig_ram[RIG_FIS + 0x20] == 0x5f && get_le16(rig_ram + RIG_FIS + 0x30) == 512,
	    "told by a PIO setup FIS");
	ok(!rig_read(port(DISK, CI)) && get_le32(rig_ram + RIG_LIST + 4) == 512 && rig_interrupts == 1, "done, bytes, interrupt");
	ok(one(DISK, 0xa1, 0, 0, 0, 0, 512) == 0x451 && rig_read(port(DISK, IS)) & 1U << 30, "no packet device");
	ok(rig_read(port(DISK, CI)) == 1, "the failed command stays in the list");
	ok(one(CD, 0xa1, 0, 0, 0, 0, 512) == 0x50 && get_le16(b) == 0x85c0, "IDENTIFY PACKET DEVICE");
	ok(one(CD, 0xec, 0, 0, 0, 0, 512) == 0x441 && rig_ram[RIG_FIS + 0x1045] == 0x14 && rig_ram[RIG_FIS + 0x1046] == 0xeb,
	    "a CD-ROM drive is told from a disk");
}

static void
test_transfers(void)
{
	memset(rig_bytes, 'd', sizeof(rig_bytes));
	ok(one(DISK, 0xc8, 3, 2, 0, 0x40, 1024) == 0x50, "READ DMA");
	is(rig_log, "read@1536+1024/1", "its bytes");
	ok(buffer(0)[0] == 'd' && buffer(0)[1023] == 'd' && !buffer(0)[1024], "reach the buffer");
	ok(rig_read(port(DISK, IS)) == 1 && rig_ram[RIG_FIS + 0x42] == 0x50, "told by a register FIS");
	one(DISK, 0x25, 64, 64, 0, 0x40, 32768);
	is(rig_log, "read@32768+32768/1", "READ DMA EXT");
	one(DISK, 0x35, 127, 1, 0, 0x40, 512);
	is(rig_log, "write@65024+512/1", "WRITE DMA EXT");
	one(DISK, 0x3d, 127, 1, 0, 0x40, 512);
	is(rig_log, "write@65024+512/1!", "with FUA");
	ok(one(DISK, 0x20, 0, 1, 0, 0x40, 512) == 0x50 && rig_read(port(DISK, IS)) == 2, "READ SECTORS is PIO");
	ok(one(DISK, 0xc8, 128, 1, 0, 0x40, 512) == 0x1051, "past the end: IDNF");
	ok(one(DISK, 0x25, 0xffffffffffff, 1, 0, 0x40, 512) == 0x1051, "so a sector number whose bytes overflow");
	ok(one(DISK, 0xc8, 0, 2, 0, 0x40, 512) == 0x451, "a buffer that is too short: ABRT");
	ok(one(DISK, 0x25, 0, 0, 0, 0x40, 512) == 0x1051, "a count of 0 is 65536 sectors");
	is(rig_log, "", "and nothing of it reaches the disk");
	ok(one(DISK, 0xe7, 0, 0, 0, 0, 0) == 0x50, "FLUSH CACHE");
	is(rig_log, "flush", "flushes");
	rig_start();
	put(DISK, 0, 0xef, 0, 0, 0x82, 0, 0);
	rig_write(port(DISK, CI), 1);
	put(DISK, 0, 0xca, 0, 1, 0, 0x40, 512);
	rig_write(port(DISK, CI), 1);
	is(rig_log, "flush write@0+512/1!", "without a write cache every write is stable");
	rig_disk.read_only = true;
	ok(one(DISK, 0xca, 0, 1, 0, 0x40, 512) == 0x451, "a read-only disk refuses writes");
	ok(one(DISK, 0x06, 0, 1, 1, 0x40, 512) == 0x451, "and TRIM");
	rig_disk.read_only = false;
	is(rig_log, "", "without asking");
	rig_error = EIO;
	ok(one(DISK, 0xc8, 0, 1, 0, 0x40, 512) == 0x4051, "the host's error on reading: UNC");
	ok(one(DISK, 0xca, 0, 1, 0, 0x40, 512) == 0x471, "on writing: device fault");
	rig_error = 0;
	ok(one(DISK, 0xe5, 0, 0, 0, 0, 0) == 0x50 && rig_ram[RIG_FIS + 0x4c] == 0xff, "CHECK POWER MODE: active");
	ok(one(DISK, 0xb0, 0xc24f00, 0, 0xda, 0, 0) == 0x50 && rig_ram[RIG_FIS + 0x45] == 0x4f, "SMART: all is well");
	ok(one(DISK, 0xb0, 0, 0, 0xda, 0, 0) == 0x451, "not without its key");
}

/* What only old or careful drivers ask for. */
static void
test_old_commands(void)
{
	uint8_t sum = 0;

	one(DISK, 0x30, 5, 1, 0, 0x40, 512);
	is(rig_log, "write@2560+512/1", "WRITE SECTORS");
	one(DISK, 0x39, 64, 2, 0, 0x40, 1024);
	is(rig_log, "write@32768+1024/1", "WRITE MULTIPLE EXT");
	one(DISK, 0xce, 64, 2, 0, 0x40, 1024);
	is(rig_log, "write@32768+1024/1!", "with FUA");
	ok(one(DISK, 0x34, 0xffffffffffff, 2, 0, 0x40, 1024) == 0x1051, "past the end");
	ok(one(DISK, 0x40, 120, 8, 0, 0x40, 0) == 0x50 && one(DISK, 0x42, 0, 128, 0, 0x40, 0) == 0x50, "READ VERIFY: all is there");
	ok(one(DISK, 0x40, 121, 8, 0, 0x40, 0) == 0x1051 && one(DISK, 0x42, 1, 128, 0, 0x40, 0) == 0x1051, "but for what is past the end");
	is(rig_log, "", "which asks nobody");
	ok(one(DISK, 0xb0, 0xc24f00, 0, 0xd0, 0, 512) == 0x50 && rig_read(port(DISK, IS)) == 2, "SMART's data");
	for (unsigned i = 0; i < 512; i++)
		sum = (uint8_t)(sum + buffer(0)[i]);
	ok(!sum && buffer(0)[0] == 0x10, "with a right checksum");
	ok(one(DISK, 0xb0, 0xc24f00, 0, 0xd8, 0, 0) == 0x50 && one(DISK, 0xb0, 0xc24f00, 0, 0xd5, 0, 0) == 0x451, "which has no logs");
	ok(one(DISK, 0x90, 0, 0, 0, 0, 0) == 0x150 && rig_ram[RIG_FIS + 0x44] == 1, "EXECUTE DEVICE DIAGNOSTIC: no fault, a disk");
	ok(one(DISK, 0xef, 0, 0, 0x99, 0, 0) == 0x451, "a feature that there is not");
	ok(one(DISK, 0x2f, 0x04, 1, 0, 0x40, 512) == 0x451 && one(DISK, 0x2f, 0, 1, 0, 0x40, 512) == 0x50 && buffer(0)[0x20] == 1,
	    "no log but that of errors, and the list of them");
}

static void
test_trim(void)
{
	rig_start();
	put(DISK, 0, 0x06, 0, 1, 1, 0x40, 512);
	put_le64(buffer(0), 8ULL | 8ULL << 48);
	put_le64(buffer(0) + 8, 16ULL | 8ULL << 48);
	put_le64(buffer(0) + 24, 64ULL | 1ULL << 48);
	rig_write(port(DISK, CI), 1);
	is(rig_log, "discard@4096+8192 discard@32768+512", "TRIM: neighbours are one range");
	ok(rig_read(port(DISK, TFD)) == 0x50 && !rig_read(port(DISK, CI)), "done after the last");
	put(DISK, 0, 0x06, 0, 1, 1, 0x40, 512);
	memset(buffer(0), 0, 512);
	put_le64(buffer(0), 127ULL | 2ULL << 48);
	rig_log[0] = '\0';
	rig_write(port(DISK, CI), 1);
	ok(rig_read(port(DISK, TFD)) == 0x1051 && !rig_log[0], "a range past the end is refused");
	ok(one(DISK, 0x06, 0, 1, 0, 0x40, 512) == 0x451, "so is another kind of management");
}

static void
test_queue(void)
{
	rig_start();
	rig_hold = true;
	for (unsigned i = 0; i < 3; i++) {
		put(DISK, i, i == 1 ? 0x61 : 0x60, 8 * i, (uint16_t)(i << 3), 1, i == 1 ? 0xc0 : 0x40, 512);
		rig_write(port(DISK, SACT), 1U << i);
		rig_write(port(DISK, CI), 1U << i);
	}
	is(rig_log, "read@0+512/1 write@4096+512/1! read@8192+512/1", "three queued commands are at the disk together");
	ok(!rig_read(port(DISK, CI)) && rig_read(port(DISK, SACT)) == 7 && !rig_interrupts, "accepted, not done");
	rig_release(&rig_disk);
	rig_disk.reaped = ahci_port_reaped;
	rig_disk.reaped(&rig_disk);
	ok(!rig_read(port(DISK, SACT)) && rig_interrupts == 1 && rig_read(port(DISK, IS)) == 8, "done, by one interrupt");
	ok(rig_ram[RIG_FIS + 0x58] == 0xa1 && get_le32(rig_ram + RIG_FIS + 0x5c) == 7, "and one FIS");
	rig_hold = false;
	rig_error = EIO;
	put(DISK, 5, 0x60, 8, 5 << 3, 1, 0x40, 512);
	rig_write(port(DISK, SACT), 1U << 5);
	rig_write(port(DISK, CI), 1U << 5);
	rig_error = 0;
	ok(rig_read(port(DISK, SACT)) == 1U << 5 && rig_read(port(DISK, IS)) & 1U << 30, "one that fails stays in SACT");
	put(DISK, 0, 0xec, 0, 0, 0, 0, 512);
	rig_write(port(DISK, CI), 1);
	ok(rig_read(port(DISK, CI)) == 1, "nothing goes on before the list was stopped");
	rig_write(port(DISK, 0x18), 0x10);
	rig_write(port(DISK, 0x18), 0x11);
	ok(!rig_read(port(DISK, SACT)) && !rig_read(port(DISK, CI)), "which forgets all commands");
	put(DISK, 0, 0x2f, 0x10, 1, 0, 0x40, 512);
	rig_write(port(DISK, CI), 1);
	ok(buffer(0)[0] == 5 && buffer(0)[2] == 0x51 && buffer(0)[3] == 0x40, "the log tells which one it was, and why");
}

static void
test_stop(void)
{
	rig_start();
	rig_hold = true;
	put(DISK, 0, 0xc8, 0, 1, 0, 0x40, 512);
	rig_write(port(DISK, CI), 1);
	put(DISK, 1, 0xec, 0, 0, 0, 0, 512);
	rig_write(port(DISK, CI), 2);
	ok(rig_read(port(DISK, CI)) == 3 && rig_read(port(DISK, TFD)) & 0x80, "while one is under way the next waits");
	rig_write(port(DISK, 0x18), 0x10);
	ok(!rig_read(port(DISK, CI)) && !(rig_read(port(DISK, 0x18)) & 0x8000) && !rig_held && !rig_read(port(DISK, IS)) &&
		rig_ram[RIG_FIS + 0x43] == 1,
	    "a stop waits for the disk, and tells nothing");
	rig_hold = false;
}

static void
test_wrong(void)
{
	rig_start();
	rig_write(port(DISK, 0x18), 0x10);
	rig_write(port(DISK, 0x00), RIG_RAM);
	rig_write(port(DISK, 0x18), 0x11);
	rig_write(port(DISK, CI), 1);
	ok(rig_read(port(DISK, IS)) == 1U << 29, "a list outside of memory: host bus error");
	rig_start();
	put(DISK, 0, 0xc8, 0, 1, 0, 0x40, 512);
	put_le32(rig_ram + RIG_LIST + 8, RIG_RAM - 0x80);
	rig_write(port(DISK, CI), 1);
	ok(rig_read(port(DISK, IS)) == 1U << 29, "a table that ends outside of memory");
	rig_start();
	put(DISK, 0, 0xc8, 0, 1, 0, 0x40, 512);
	put_le32(table(DISK, 0) + 0x80, RIG_RAM - 256);
	rig_write(port(DISK, CI), 1);
	ok(rig_read(port(DISK, IS)) == 1U << 28 && rig_read(port(DISK, CI)) == 1, "a buffer that ends outside of memory");
	rig_start();
	put(DISK, 0, 0xc8, 0, 1, 0, 0x40, 512);
	table(DISK, 0)[0] = 0x34;
	rig_write(port(DISK, CI), 1);
	ok(rig_read(port(DISK, IS)) == 1U << 27, "another FIS than a command");
	rig_start();
	put(DISK, 0, 0xc8, 0, 1, 0, 0x40, 512);
	table(DISK, 0)[1] = 0;
	table(DISK, 0)[15] = 4;
	rig_write(port(DISK, CI), 1);
	ok(rig_read(port(DISK, TFD)) == 0x80 && !rig_read(port(DISK, CI)), "software reset: busy");
	table(DISK, 0)[15] = 0;
	rig_write(port(DISK, CI), 1);
	ok(rig_read(port(DISK, TFD)) == 0x150 && !rig_read(port(DISK, CI)), "until it is taken back");
}

/* A packet; status and error registers. `len`: of the buffer. */
static uint32_t
packet(const uint8_t *cdb, size_t n, uint32_t len)
{
	put(CD, 0, 0xa0, 0, 0, 1, 0, len);
	memcpy(table(CD, 0) + 0x40, cdb, n);
	memset(buffer(0), 0xee, 4096);
	rig_log[0] = '\0';
	rig_write(port(CD, IS), 0xffffffff);
	rig_write(port(CD, CI), 1);
	if (rig_read(port(CD, TFD)) & 1) { /* as a driver goes on after an error */
		uint32_t tfd = rig_read(port(CD, TFD));

		rig_write(port(CD, 0x18), 0x10);
		rig_write(port(CD, 0x18), 0x11);
		return tfd;
	}
	return rig_read(port(CD, TFD));
}

#define PACKET(len, ...) packet((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}), len)

static void
cd_start(void)
{
	rig_start();
	PACKET(0, 0);
	rig_hba->ports[CD]->cd.attention_medium = false;
}

static void
test_cd(void)
{
	uint8_t *b = buffer(0);

	rig_start();
	ok(PACKET(36, 0x12, 0, 0, 0, 36) == 0x40 && b[0] == 5 && b[1] == 0x80, "INQUIRY: a CD-ROM drive, even before");
	ok(PACKET(0, 0) == 0x6441, "the first command is told of the reset");
	ok(PACKET(18, 3, 0, 0, 0, 18) == 0x40 && b[2] == 6 && b[12] == 0x29, "REQUEST SENSE says so, too");
	ok(PACKET(0, 0) == 0x40, "TEST UNIT READY");
	ok(PACKET(8, 0x25) == 0x40 && get_be32(b) == 31 && get_be32(b + 4) == 2048, "READ CAPACITY");
	ok(PACKET(4096, 0x28, 0, 0, 0, 0, 3, 0, 0, 2) == 0x50, "READ(10)");
	is(rig_log, "read@6144+4096/1", "reaches the disk");
	ok(rig_ram[RIG_FIS + 0x104c] == 3, "the reason: done");
	ok(PACKET(2048, 0xa8, 0, 0, 0, 0, 31, 0, 0, 0, 1) == 0x50, "READ(12) of the last block");
	ok(PACKET(4096, 0x28, 0, 0, 0, 0, 31, 0, 0, 2) == 0x5441 && !rig_log[0], "READ(10) across the end");
	ok(PACKET(2048, 0x28, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 1) == 0x5441, "of the largest number");
	ok(PACKET(2047, 0x28, 0, 0, 0, 0, 0, 0, 0, 1) == 0x5441 && !rig_log[0], "into a buffer that is too short");
	ok(PACKET(2048, 0x2a, 0, 0, 0, 0, 0, 0, 0, 1) == 0x5441, "there is no WRITE");
	rig_error = EIO;
	ok(PACKET(2048, 0x28, 0, 0, 0, 0, 0, 0, 0, 1) == 0x3441, "the host's error: medium error");
	rig_error = 0;
	ok(PACKET(20, 0x43, 0, 0, 0, 0, 0, 1, 0, 20) == 0x40 && get_be16(b) == 18 && b[6] == 1 && b[14] == 0xaa &&
		get_be32(b + 16) == 32, "READ TOC: track 1, lead-out");
	ok(PACKET(12, 0x43, 2, 0, 0, 0, 0, 0xaa, 0, 12) == 0x40 && b[9] == 0 && b[10] == 2 && b[11] == 32, "in minutes, from it on");
	ok(PACKET(12, 0x43, 0, 1, 0, 0, 0, 0, 0, 12) == 0x40 && get_be16(b) == 10, "the sessions");
	ok(PACKET(48, 0x43, 0, 2, 0, 0, 0, 0, 0, 48) == 0x40 && get_be16(b) == 46 && b[4 + 3] == 0xa0, "all of it");
	ok(PACKET(8, 0x46, 0, 0, 0, 0, 0, 0, 0, 8) == 0x40 && get_be16(b + 6) == 8, "GET CONFIGURATION: a CD");
	ok(b[8] == 0xee, "no more than was asked for");
	ok(PACKET(28, 0x5a, 0, 0x2a, 0, 0, 0, 0, 0, 28) == 0x40 && get_be16(b) == 26 && b[8] == 0x2a && b[14] == 0x29, "MODE SENSE");
	ok(PACKET(28, 0x5a, 0, 0x11, 0, 0, 0, 0, 0, 28) == 0x5441, "of a page that is not there");
	ok(PACKET(34, 0x51, 0, 0, 0, 0, 0, 0, 0, 34) == 0x40 && get_be16(b) == 32, "READ DISC INFORMATION");
	ok(PACKET(8, 0xbd, 0, 0, 0, 0, 0, 0, 0, 0, 8) == 0x40 && b[5] == 1, "MECHANISM STATUS");
	ok(PACKET(8, 0xff) == 0x5441, "an unknown command");
}

static void
test_tray(void)
{
	struct atapi *cd = &rig_hba->ports[CD]->cd;
	uint8_t *b = buffer(0);

	cd_start();
	ok(PACKET(8, 0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8) == 0x40 && b[4] == 0 && b[5] == 2, "no event, a medium");
	PACKET(0, 0x1e, 0, 0, 0, 1);
	ok(PACKET(0, 0x1b, 0, 0, 0, 2) == 0x5441 && !cd->open, "a locked tray is not opened");
	cd->event_eject = true; /* as by ctl */
	ok(PACKET(8, 0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8) == 0x40 && b[4] == 1, "it is asked for");
	PACKET(0, 0x1e, 0, 0, 0, 0);
	ok(PACKET(0, 0x1b, 0, 0, 0, 2) == 0x40 && cd->open, "eject");
	ok(PACKET(0, 0) == 0x2441 && cd->asc == 0x3a, "not ready: no medium");
	ok(PACKET(8, 0x25) == 0x2441, "nor does it tell a capacity");
	ok(PACKET(8, 0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8) == 0x40 && b[4] == 3 && b[5] == 3, "the medium has gone, the tray is open");
	ok(PACKET(0, 0x1b, 0, 0, 0, 3) == 0x40 && !cd->open, "load");
	ok(PACKET(0, 0) == 0x6441 && cd->asc == 0x28 && PACKET(0, 0) == 0x40, "the medium may be another, once");
	ok(PACKET(8, 0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8) == 0x40 && b[4] == 2, "it is a new one");
	ok(PACKET(8, 0x4a, 0, 0, 0, 0x10, 0, 0, 0, 8) == 0x5441, "only polling is known");
}

static void
test_interrupts(void)
{
	rig_start();
	put(DISK, 0, 0xec, 0, 0, 0, 0, 512);
	put(CD, 0, 0xa1, 0, 0, 0, 0, 512);
	rig_write(port(DISK, CI), 1);
	ok(rig_read(0x08) == 1 && rig_level, "a port's interrupt");
	rig_write(port(CD, CI), 1);
	ok(rig_read(0x08) == 3 && rig_interrupts == 2, "two ports', and two messages");
	rig_write(port(DISK, IS), 2);
	rig_write(0x08, 1);
	ok(rig_read(0x08) == 2 && rig_level && rig_interrupts == 3, "one is served: the other is told again");
	rig_write(0x08, 2);
	ok(rig_read(0x08) == 2 && rig_level, "it stays as long as the port has it");
	rig_write(port(CD, IS), 2);
	rig_write(0x08, 2);
	ok(rig_read(0x08) == 0 && !rig_level, "then it goes");
	rig_write(0x04, 0);
	rig_interrupts = 0;
	rig_write(port(DISK, CI), 1);
	ok(!rig_interrupts && rig_read(0x08) == 1, "not without GHC.IE");
	rig_write(0x04, 2);
	ok(rig_interrupts == 1, "which tells of what was there");
}

int
main(void)
{
	rig_make();
	test_start();
	test_identify();
	test_transfers();
	test_old_commands();
	test_trim();
	test_queue();
	test_stop();
	test_wrong();
	test_cd();
	test_tray();
	test_interrupts();
	return tap_done();
}
