/* SPDX-License-Identifier: ISC */
/*
 * Any frames at a DHCP server that has a few leases: each a length of two bytes and the frame, whose headers are made good
 * when its first byte is odd, so that options are reached. Every answer must be a frame that the parser takes.
 */
/* links: vm-dhcpd/dhcp4.c vm-dhcpd/server.c vm-dhcpd/choose.c vm-dhcpd/compose.c vm-dhcpd/probe.c vm-dhcpd/message.c vm-dhcpd/answer.c vm-dhcpd/lease.c vm-dhcpd/journal.c vm-dhcpd/leaselog.c vm-dhcpd/record.c vm-dhcpd/event.c vm-dhcpd/link.c vm-dhcpd/ipv4.c vm-dhcpd/subnet.c vm-dhcpd/pool.c vm-dhcpd/setting.c vm-dhcpd/setting6.c vm-dhcpd/name.c vm-dhcpd/dname.c vm-dhcpd/pxe.c vm-dhcpd/nameserver.c */
#include "tests/unit/dhcpd_rig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct rig r;

static void
start(void)
{
	int null = open("/dev/null", O_WRONLY);

	dup2(null, 1);
	rig_default(&r);
	r.o.settings.probe_ms = 1;
	rig_set(&r, "dns=10.0.0.2");
	rig_set(&r, "route=10.8.0.0/16,10.0.0.9");
	rig_set(&r, "search=a.example,b.example");
	rig_lease(&r, "10.0.0.10-10.0.0.19");
	rig_lease(&r, "10.1.0.10-10.1.0.12/24");
	rig_lease(&r, "id:0102=10.0.0.77,seven");
	rig_lease(&r, "web=10.0.0.78");
	if (pxe_add(&r.o.pxe, "bios=undionly.kpxe") || pxe_add(&r.o.pxe, "ipxe=http://10.0.0.1/x"))
		abort();
	rig_open(&r);
}

static void
check_answers(void)
{
	uint8_t buf[2048];
	struct packet p;
	ssize_t n;

	while ((n = recv(r.wire, buf, sizeof(buf), MSG_DONTWAIT)) > 0) {
		packet_parse(&p, buf, (size_t)n);
		if (p.kind == PACKET_OTHER && !(n == ECHO_SIZE && buf[34] == 8))
			abort();
		if (p.kind != PACKET_UDP)
			continue;
		if (p.len < 300 || p.len > MESSAGE_MAX || p.data[0] != 2)
			abort();
		buf[IPV4_HEAD] = 1;
		message_parse(&r.message, p.data, p.len);
		if (r.message.type != DHCP_OFFER && r.message.type != DHCP_ACK && r.message.type != DHCP_NAK)
			abort();
	}
}

static void
hand_in(uint8_t *frame, size_t len, bool good)
{
	static const struct station from = {.mac = {0x52, 0x54}}, to = {.mac = {255, 255, 255, 255, 255, 255}};

	if (good && len > IPV4_HEAD + MESSAGE_MIN) {
		uint8_t *m = frame + IPV4_HEAD;

		m[0] = m[1] = 1;
		m[2] = 6;
		memcpy(m + 236, "\x63\x82\x53\x63", 4);
		udp_frame(frame, len - IPV4_HEAD, &from, &to, 68, 67);
	}
	if (send(r.wire, frame, len, MSG_DONTWAIT) != (ssize_t)len)
		abort();
	for (int i = 0; i < 2; i++)
		loop_once(&r.d.loop, 0);
	check_answers();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t frame[1514];

	if (!r.d.options)
		start();
	while (size > 3) {
		size_t len = get_be16(data) % sizeof(frame) + 1;
		bool good = data[2] & 1;

		data += 3;
		size -= 3;
		len = len > size ? size : len;
		if (!len)
			break;
		memcpy(frame, data, len);
		hand_in(frame, len, good);
		data += len;
		size -= len;
	}
	return 0;
}
