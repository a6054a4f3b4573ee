/* SPDX-License-Identifier: ISC */
/* What a CD-ROM drive tells of itself and its medium (MMC-6, SPC-4); the contracts are in ahci_dev.h. */
#include <string.h>

#include "common/bytes.h"
#include "kvm-run/ahci_dev.h"

#define CD_BLOCKS_MAX 450000 /* no CD has as many, of 100 minutes: a DVD */
#define PROFILE_CD_ROM 0x0008
#define PROFILE_DVD_ROM 0x0010
#define LEAD_OUT 0xaa
#define MSF_START 150 /* frames that block 0 has before it */

static uint8_t *
put_text(uint8_t *to, size_t len, const char *s)
{
	memset(to, ' ', len);
	memcpy(to, s, strnlen(s, len));
	return to + len;
}

size_t
atapi_inquiry(const struct ata_cmd *c, uint8_t *out)
{
	uint8_t *to = out + 8;

	if (c->cdb[1] & 1) /* vital product data */
		return 0;
	memcpy(out, (const uint8_t[]){0x05, 0x80, 0x05, 0x21, 31, 0, 0, 0}, 8);
	to = put_text(to, 8, "KVM-RUN");
	to = put_text(to, 16, "CD-ROM");
	to = put_text(to, 4, VERSION);
	return (size_t)(to - out);
}

/* Pages (MMC-6, 7): what may have been read wrong, what is played how, what the drive can do. */
static size_t
mode_page(const struct atapi *cd, uint8_t page, uint8_t *out)
{
	static const uint8_t errors[8] = {0x01, 6, 0, 5};
	static const uint8_t audio[16] = {0x0e, 14, 4, 0, 0, 0, 0, 75};
	/* Reads CDs and DVDs; locks, ejects, has a tray; 8 MB/s */
	uint8_t abilities[20] = {0x2a, 18, 0x3b, 0, 0x70, 0, 0x29, 0, 0x1b, 0x90, 0, 2, 2, 0, 0x1b, 0x90};

	if (cd->locked)
		abilities[6] |= 2;
	switch (page) {
	case 0x01: memcpy(out, errors, sizeof(errors)); return sizeof(errors);
	case 0x0e: memcpy(out, audio, sizeof(audio)); return sizeof(audio);
	case 0x2a: memcpy(out, abilities, sizeof(abilities)); return sizeof(abilities);
	default: return 0;
	}
}

size_t
atapi_mode_sense(const struct ata_cmd *c, uint8_t *out)
{
	const struct atapi *cd = &c->port->cd;
	size_t head = c->cdb[0] == 0x5a ? 8 : 4, len = head;
	uint8_t page = c->cdb[2] & 0x3f;

	if (c->cdb[2] >> 6 == 3) /* saved values */
		return 0;
	for (unsigned i = page == 0x3f ? 1 : page; i <= (page == 0x3f ? 0x3eU : page); i++)
		len += mode_page(cd, (uint8_t)i, out + len);
	if (len == head)
		return 0;
	/* Medium type (of old): none, tray open, data disc. */
	out[head == 8 ? 2 : 1] = cd->open ? 0x71 : cd->blocks ? 0x01 : 0x70;
	if (head == 8)
		put_be16(out, (uint16_t)(len - 2));
	else
		out[0] = (uint8_t)(len - 1);
	return len;
}

static void
put_address(uint8_t *to, uint64_t block, bool msf)
{
	if (!msf) {
		put_be32(to, (uint32_t)block);
		return;
	}
	block += MSF_START;
	to[0] = 0;
	to[1] = (uint8_t)(block / 75 / 60);
	to[2] = (uint8_t)(block / 75 % 60);
	to[3] = (uint8_t)(block % 75);
}

/* A track descriptor of format 0: a data track, or the lead-out. */
static size_t
put_track(uint8_t *to, uint8_t track, uint64_t block, bool msf)
{
	memcpy(to, (const uint8_t[]){0, 0x14, track, 0}, 4);
	put_address(to + 4, block, msf);
	return 8;
}

/* A descriptor of the full TOC, format 2: point, and where (always as minutes, seconds, frames). */
static size_t
put_point(uint8_t *to, uint8_t point, uint64_t block, bool track_number)
{
	memcpy(to, (const uint8_t[]){1, 0x14, 0, point, 0, 0, 0, 0}, 8);
	if (track_number)
		memcpy(to + 8, (const uint8_t[]){1, 0, 0}, 3); /* track 1 */
	else {
		uint8_t address[4];

		put_address(address, block, true);
		memcpy(to + 8, address + 1, 3);
	}
	return 11;
}

size_t
atapi_toc(const struct ata_cmd *c, uint8_t *out)
{
	bool msf = c->cdb[1] & 2;
	uint8_t start = c->cdb[6], format = c->cdb[2] & 15;
	uint64_t blocks = c->port->cd.blocks;
	size_t len = 4;

	if (!format)
		format = c->cdb[9] >> 6; /* where SFF-8020 had it */
	switch (format) {
	case 0:
		if (start > 1 && start != LEAD_OUT)
			return 0;
		if (start <= 1)
			len += put_track(out + len, 1, 0, msf);
		len += put_track(out + len, LEAD_OUT, blocks, msf);
		break;
	case 1:
		len += put_track(out + len, 1, 0, msf);
		break;
	case 2:
		len += put_point(out + len, 0xa0, 0, true);
		len += put_point(out + len, 0xa1, 0, true);
		len += put_point(out + len, 0xa2, blocks, false);
		len += put_point(out + len, 1, 0, false);
		break;
	default:
		return 0;
	}
	put_be16(out, (uint16_t)(len - 2));
	out[2] = out[3] = 1; /* first and last track, or session */
	return len;
}

static size_t
put_feature(uint8_t *to, uint16_t code, uint8_t flags, const void *data, uint8_t len)
{
	put_be16(to, code);
	to[2] = flags;
	to[3] = len;
	memcpy(to + 4, data, len);
	return 4U + len;
}

size_t
atapi_configuration(const struct ata_cmd *c, uint8_t *out)
{
	const struct atapi *cd = &c->port->cd;
	bool medium = cd->blocks && !cd->open, dvd = cd->blocks > CD_BLOCKS_MAX;
	uint16_t profile = !medium ? 0 : dvd ? PROFILE_DVD_ROM : PROFILE_CD_ROM;
	const uint8_t profiles[8] = {0, PROFILE_DVD_ROM, medium && dvd, 0, 0, PROFILE_CD_ROM, medium && !dvd, 0};
	const struct {
		uint16_t code;
		uint8_t flags, len; /* flags: version, persistent, current */
		uint8_t data[8];
	} features[] = {
		{0x0001, 0x0b, 8, {0, 0, 0, 2, 1}},		  /* core: ATAPI */
		{0x0002, 0x07, 4, {0}},				  /* media events can be asked for */
		{0x0003, 0x07, 4, {0x29}},			  /* removable: tray, eject, lock */
		{0x0010, medium, 8, {0, 0, 8, 0, 0, 16}},	  /* random readable: blocks of 2048, by 16 */
		{0x001e, (uint8_t)(0x08 | (medium && !dvd)), 4, {0}}, /* CD read */
		{0x001f, medium && dvd, 4, {0}},		  /* DVD read */
	};
	uint16_t start = get_be16(c->cdb + 2);
	uint8_t type = c->cdb[1] & 3; /* all, those that are current, one */
	size_t len = 8;

	if (type == 3)
		return 0;
	if (!start)
		len += put_feature(out + len, 0, 0x03, profiles, sizeof(profiles));
	for (size_t i = 0; i < ARRAY_LEN(features); i++) {
		bool wanted = type == 2 ? features[i].code == start : features[i].code >= start;

		if (wanted && (type != 1 || features[i].flags & 1))
			len += put_feature(out + len, features[i].code, features[i].flags, features[i].data, features[i].len);
	}
	put_be32(out, (uint32_t)(len - 4));
	put_be16(out + 6, profile);
	return len;
}

size_t
atapi_disc_information(const struct ata_cmd *c, uint8_t *out)
{
	if (c->cdb[1] & 7) /* other kinds than the standard one */
		return 0;
	memcpy(out, (const uint8_t[]){0, 32, 0x0e, 1, 1, 1, 1, 0x20}, 8); /* complete; one session, one track */
	memset(out + 16, 0xff, 8); /* no lead-in and lead-out to write */
	return 34;
}

size_t
atapi_mechanism(const struct ata_cmd *c, uint8_t *out)
{
	out[1] = c->port->cd.open ? 0x10 : 0;
	out[5] = 1; /* a changer of one */
	return 8;
}

/* Polled, the media class alone. An event is told once. */
size_t
atapi_events(struct ata_cmd *c, uint8_t *out)
{
	struct atapi *cd = &c->port->cd;
	bool media = c->cdb[4] & 1 << 4;

	if (!(c->cdb[1] & 1)) /* asynchronous notification */
		return 0;
	memset(out, 0, 8);
	out[2] = media ? 4 : 0x80; /* the class that follows, or none */
	out[3] = 1 << 4;	   /* classes there are */
	if (!media) {
		put_be16(out, 2);
		return 4;
	}
	put_be16(out, 6);
	if (cd->event_new)
		out[4] = 2;
	else if (cd->event_gone)
		out[4] = 3;
	else if (cd->event_eject)
		out[4] = 1;
	cd->event_new = cd->event_gone = cd->event_eject = false;
	out[5] = (uint8_t)((cd->open ? 1 : 0) | (cd->blocks ? 2 : 0));
	return 8;
}
