/* SPDX-License-Identifier: ISC */
/*
 * A CD-ROM drive's commands: those of ATA that it has, and packets (MMC-6, SPC-4). The medium is an image of 2048-byte
 * blocks. On the port's I/O thread; the contracts are in ahci_dev.h.
 */
#include <string.h>

#include "common/bytes.h"
#include "kvm-run/ahci_dev.h"

#define BLOCK 2048

enum {
	DEVICE_RESET = 0x08,
	EXECUTE_DIAGNOSTIC = 0x90,
	PACKET = 0xa0,
	IDENTIFY_PACKET_DEVICE = 0xa1,
	STANDBY_IMMEDIATE = 0xe0,
	IDLE_IMMEDIATE = 0xe1,
	STANDBY = 0xe2,
	IDLE = 0xe3,
	CHECK_POWER_MODE = 0xe5,
	SLEEP = 0xe6,
	IDENTIFY_DEVICE = 0xec,
	SET_FEATURES = 0xef,
};

/* Operation codes, MMC-6 and SPC-4 */
enum {
	TEST_UNIT_READY = 0x00,
	REQUEST_SENSE = 0x03,
	INQUIRY = 0x12,
	MODE_SENSE_6 = 0x1a,
	START_STOP_UNIT = 0x1b,
	PREVENT_ALLOW = 0x1e,
	READ_CAPACITY = 0x25,
	READ_10 = 0x28,
	SEEK_10 = 0x2b,
	VERIFY_10 = 0x2f,
	READ_TOC = 0x43,
	GET_CONFIGURATION = 0x46,
	GET_EVENT_STATUS = 0x4a,
	READ_DISC_INFORMATION = 0x51,
	MODE_SENSE_10 = 0x5a,
	READ_12 = 0xa8,
	SET_CD_SPEED = 0xbb,
	MECHANISM_STATUS = 0xbd,
	READ_CD = 0xbe,
};

enum {
	NOT_READY = 2,
	ILLEGAL_REQUEST = 5,
	UNIT_ATTENTION = 6,
};

/* Additional sense codes with their qualifiers */
#define SENSE_NO_MEDIUM 0x3a00
#define SENSE_TRAY_OPEN 0x3a02
#define SENSE_OPCODE 0x2000
#define SENSE_OUT_OF_RANGE 0x2100
#define SENSE_FIELD 0x2400
#define SENSE_MEDIUM_CHANGED 0x2800
#define SENSE_RESET 0x2900
#define SENSE_LOCKED 0x5302

#define REASON_DONE 3 /* interrupt reason, in the count register: not a command, not for the drive */

static void
finish(struct ata_cmd *c)
{
	struct atapi *cd = &c->port->cd;

	cd->key = cd->asc = cd->ascq = 0;
	c->count = REASON_DONE;
	ahci_done(c, ATA_DRDY, 0);
}

static void
check(struct ata_cmd *c, uint8_t key, unsigned sense)
{
	struct atapi *cd = &c->port->cd;

	cd->key = key;
	cd->asc = (uint8_t)(sense >> 8);
	cd->ascq = (uint8_t)sense;
	c->count = REASON_DONE;
	ahci_done(c, ATA_DRDY | ATA_ERR, (uint8_t)(key << 4 | ATA_ABRT));
}

static void
illegal(struct ata_cmd *c)
{
	check(c, ILLEGAL_REQUEST, SENSE_FIELD);
}

/* As much as the command allows for and the buffer takes. */
static void
reply(struct ata_cmd *c, const uint8_t *data, size_t len, size_t most)
{
	size_t n = min_u64(len, most);

	c->moved = (uint32_t)iov_write(c->iov, c->niov, 0, data, n);
	c->lba = (uint64_t)c->moved << 8; /* byte count */
	finish(c);
}

static void
read_blocks(struct ata_cmd *c, uint32_t block, uint32_t n)
{
	struct ahci_port *p = c->port;

	c->count = REASON_DONE; /* the disk may be done at once */
	if (!range_within(block, n, p->cd.blocks))
		check(c, ILLEGAL_REQUEST, SENSE_OUT_OF_RANGE);
	else if (!n)
		finish(c);
	else if (!ahci_to_disk(c, DISK_READ, (uint64_t)block * BLOCK, (uint64_t)n * BLOCK, 0))
		illegal(c);
}

static void
read_cd(struct ata_cmd *c)
{
	const uint8_t *cdb = c->cdb;
	uint32_t n = (uint32_t)cdb[6] << 16 | get_be16(cdb + 7);

	if (cdb[9] == 0)
		finish(c); /* a seek: no data were asked for */
	else if (cdb[9] == 0x10)
		read_blocks(c, get_be32(cdb + 2), n);
	else
		illegal(c); /* there are no headers and no error correction in an image */
}

static void
read_capacity(struct ata_cmd *c)
{
	uint8_t data[8];

	put_be32(data, (uint32_t)(c->port->cd.blocks - 1));
	put_be32(data + 4, BLOCK);
	reply(c, data, sizeof(data), sizeof(data));
}

static void
request_sense(struct ata_cmd *c)
{
	struct atapi *cd = &c->port->cd;
	uint8_t data[18] = {0x70, 0, cd->key, [7] = 10, [12] = cd->asc, [13] = cd->ascq};

	reply(c, data, sizeof(data), c->cdb[4]);
}

/* The guest's own hand at the tray: an image that it opens stays in it. */
static void
start_stop(struct ata_cmd *c)
{
	struct atapi *cd = &c->port->cd;
	bool eject = (c->cdb[4] & 3) == 2, load = (c->cdb[4] & 3) == 3;

	if (eject && cd->locked) {
		check(c, ILLEGAL_REQUEST, SENSE_LOCKED);
		return;
	}
	if (load && cd->open && cd->blocks)
		cd->event_new = cd->attention_medium = true;
	if (eject && !cd->open && cd->blocks)
		cd->event_gone = true;
	if (eject || load)
		cd->open = eject;
	if (eject)
		cd->event_eject = false;
	finish(c);
}

static void
prevent_allow(struct ata_cmd *c)
{
	c->port->cd.locked = c->cdb[4] & 1;
	finish(c);
}

/* Commands whose answer is looked up: with a medium, or without one. */
static const struct lookup {
	uint8_t op;
	bool medium;
	uint8_t length_at, length_bytes; /* of the allocation length, in the command */
	size_t (*fn)(const struct ata_cmd *c, uint8_t *out);
} lookups[] = {
	{INQUIRY, false, 3, 2, atapi_inquiry},
	{MODE_SENSE_6, false, 4, 1, atapi_mode_sense},
	{MODE_SENSE_10, false, 7, 2, atapi_mode_sense},
	{GET_CONFIGURATION, false, 7, 2, atapi_configuration},
	{MECHANISM_STATUS, false, 8, 2, atapi_mechanism},
	{READ_TOC, true, 7, 2, atapi_toc},
	{READ_DISC_INFORMATION, true, 7, 2, atapi_disc_information},
};

static bool
has_medium(const struct atapi *cd)
{
	return cd->blocks && !cd->open;
}

static void
not_ready(struct ata_cmd *c)
{
	check(c, NOT_READY, c->port->cd.open ? SENSE_TRAY_OPEN : SENSE_NO_MEDIUM);
}

static void
look_up(struct ata_cmd *c, const struct lookup *l)
{
	uint8_t out[ATAPI_ANSWER] = {0};
	const uint8_t *at = c->cdb + l->length_at;
	size_t len;

	if (l->medium && !has_medium(&c->port->cd)) {
		not_ready(c);
		return;
	}
	len = l->fn(c, out);
	if (len)
		reply(c, out, len, l->length_bytes == 1 ? *at : get_be16(at));
	else
		illegal(c);
}

static void
events(struct ata_cmd *c)
{
	uint8_t out[ATAPI_ANSWER];
	size_t len = atapi_events(c, out);

	if (len)
		reply(c, out, len, get_be16(c->cdb + 7));
	else
		illegal(c);
}

/* Commands that need a medium. */
static void
medium_command(struct ata_cmd *c)
{
	const uint8_t *cdb = c->cdb;

	if (!has_medium(&c->port->cd)) {
		not_ready(c);
		return;
	}
	switch (cdb[0]) {
	case READ_CAPACITY: read_capacity(c); break;
	case READ_10: read_blocks(c, get_be32(cdb + 2), get_be16(cdb + 7)); break;
	case READ_12: read_blocks(c, get_be32(cdb + 2), get_be32(cdb + 6)); break;
	case READ_CD: read_cd(c); break;
	default: finish(c); /* TEST UNIT READY, SEEK, VERIFY */
	}
}

/* A unit attention is told once, instead of what was asked for; but not to those who only ask what is (SPC-4, 5.14). */
static bool
attention(struct ata_cmd *c)
{
	struct atapi *cd = &c->port->cd;
	uint8_t op = c->cdb[0];

	if (op == INQUIRY || op == REQUEST_SENSE || op == GET_CONFIGURATION || op == GET_EVENT_STATUS)
		return false;
	if (cd->attention_reset) {
		cd->attention_reset = false;
		check(c, UNIT_ATTENTION, SENSE_RESET);
		return true;
	}
	if (cd->attention_medium && has_medium(cd)) {
		cd->attention_medium = false;
		check(c, UNIT_ATTENTION, SENSE_MEDIUM_CHANGED);
		return true;
	}
	return false;
}

static void
packet(struct ata_cmd *c)
{
	for (const struct lookup *l = lookups; l < lookups + ARRAY_LEN(lookups); l++)
		if (l->op == c->cdb[0]) {
			look_up(c, l);
			return;
		}
	switch (c->cdb[0]) {
	case REQUEST_SENSE: request_sense(c); break;
	case GET_EVENT_STATUS: events(c); break;
	case START_STOP_UNIT: start_stop(c); break;
	case PREVENT_ALLOW: prevent_allow(c); break;
	case SET_CD_SPEED: finish(c); break;
	case TEST_UNIT_READY:
	case READ_CAPACITY:
	case READ_10:
	case READ_12:
	case READ_CD:
	case SEEK_10:
	case VERIFY_10: medium_command(c); break;
	default: check(c, ILLEGAL_REQUEST, SENSE_OPCODE);
	}
}

static void
identify(struct ata_cmd *c)
{
	uint8_t data[512];

	atapi_identify(c->port, data);
	ahci_reply(c, data);
}

/* Who takes it for a disk is told by the signature: ACS-3, 7.12.4. */
static void
no_disk(struct ata_cmd *c)
{
	c->lba = ATAPI_SIGNATURE >> 8;
	c->count = 1;
	ahci_done(c, ATA_DRDY | ATA_ERR, ATA_ABRT);
}

void
atapi_command(struct ata_cmd *c)
{
	switch (c->command) {
	case PACKET:
		if (!attention(c))
			packet(c);
		break;
	case IDENTIFY_PACKET_DEVICE: identify(c); break;
	case IDENTIFY_DEVICE: no_disk(c); break;
	case EXECUTE_DIAGNOSTIC:
	case DEVICE_RESET:
		atapi_reset(c->port);
		c->lba = ATAPI_SIGNATURE >> 8;
		c->count = 1;
		ahci_done(c, 0, 1);
		break;
	case CHECK_POWER_MODE:
		c->count = 0xff;
		ahci_done(c, ATA_DRDY, 0);
		break;
	case STANDBY_IMMEDIATE:
	case IDLE_IMMEDIATE:
	case STANDBY:
	case IDLE:
	case SLEEP: ahci_done(c, ATA_DRDY, 0); break;
	default:
		if (c->command != SET_FEATURES || !ata_set_features(c))
			ahci_done(c, ATA_DRDY | ATA_ERR, ATA_ABRT);
	}
}

void
atapi_reset(struct ahci_port *p)
{
	struct atapi *cd = &p->cd;

	*cd = (struct atapi){.blocks = cd->blocks, .open = cd->open, .attention_reset = true};
}
