/* links: kvm-run/bus.c kvm-run/e1000_new.c kvm-run/e1000_regs.c kvm-run/e1000_irq.c kvm-run/e1000_serial.c kvm-run/e1000_rx.c kvm-run/e1000_tx.c kvm-run/e1000_segment.c kvm-run/virtio_net.c kvm-run/virtio_net_new.c kvm-run/net_hold.c kvm-run/net_virtq_rx.c kvm-run/net_virtq_tx.c kvm-run/net_tx.c kvm-run/net_ctrl.c kvm-run/net_pcap.c kvm-run/net_tap.c kvm-run/net_vhost.c kvm-run/vhost.c kvm-run/net_stream.c kvm-run/net_packet.c kvm-run/virtq.c kvm-run/mem.c */
/* SPDX-License-Identifier: ISC */
/* The e1000 as a driver sees it: EEPROM, PHY, interrupts, both rings, filters, checksums and segments. */
#include "tests/unit/e1000_rig.h"
#include "common/segment.h"
#include "tests/unit/tap.h"

#define TX_RING 0x1000
#define RX_RING 0x2000
#define ENTRIES 32
#define TX_DATA 0x10000
#define RX_DATA 0x20000
#define RX_BUFFER 2048

static const uint8_t mac[6] = {0x52, 0x54, 0, 0x12, 0x34, 0x56};
static uint32_t tx_tail;

static uint8_t *
mem(uint64_t at)
{
	return rig.vm.mem.base + at;
}

/* As a driver would begin. */
static void
begin(uint32_t rctl)
{
	rig_write(R_CTRL, CTRL_RST);
	memset(mem(0), 0, RIG_MEM);
	for (unsigned i = 0; i < ENTRIES; i++)
		put_le64(mem(RX_RING + 16 * i), RX_DATA + RX_BUFFER * i);
	rig_write(R_RDBAL, RX_RING);
	rig_write(R_RDLEN, 16 * ENTRIES);
	rig_write(R_TDBAL, TX_RING);
	rig_write(R_TDLEN, 16 * ENTRIES);
	rig_write(R_IMS, ICR_ALL & ~ICR_TXQE);
	rig_write(R_RCTL, RCTL_EN | rctl);
	rig_write(R_RDT, ENTRIES - 1);
	rig_write(R_TCTL, TCTL_EN | TCTL_PSP);
	rig_read(R_ICR);
	rig_rises = 0;
	tx_tail = 0;
}

static void
descriptor(uint64_t address, uint32_t command, uint32_t options)
{
	uint8_t *d = mem(TX_RING + 16 * tx_tail);

	put_le64(d, address);
	put_le32(d + 8, command);
	put_le32(d + 12, options);
	tx_tail = (tx_tail + 1) % ENTRIES;
}

static void
go(void)
{
	rig_write(R_TDT, tx_tail);
}

/* A frame that reached the peer; its length, or -1. */
static ssize_t
sent(uint8_t *frame)
{
	return recv(rig_peer, frame, FRAME_MAX, MSG_DONTWAIT);
}

static void
arrives(const uint8_t *frame, size_t len)
{
	if (send(rig_peer, frame, len, 0) < 0)
		abort();
	rig_run();
}

/* --- EEPROM, PHY --- */

static void
eecd_bit(unsigned v)
{
	rig_write(R_EECD, 0x42 | v << 2);
	rig_write(R_EECD, 0x43 | v << 2);
	rig_write(R_EECD, 0x42 | v << 2);
}

/* As Linux reads the 82540's: request, code and address, 16 bits. */
static uint16_t
microwire(unsigned address)
{
	unsigned out = 6U << 6 | address;
	uint16_t word = 0;

	rig_write(R_EECD, 0x40);
	rig_write(R_EECD, 0x42);
	for (int i = 8; i >= 0; i--)
		eecd_bit(out >> i & 1);
	for (unsigned i = 0; i < 16; i++) {
		rig_write(R_EECD, 0x43);
		word = (uint16_t)(word << 1 | (rig_read(R_EECD) >> 3 & 1));
		rig_write(R_EECD, 0x42);
	}
	rig_write(R_EECD, 0x40);
	return word;
}

static uint32_t
phy(unsigned reg, unsigned op, uint16_t value)
{
	rig_write(R_MDIC, op << 26 | 1U << 21 | reg << 16 | value);
	return rig_read(R_MDIC);
}

static void
test_serial(void)
{
	uint16_t sum = 0, same = 0;

	begin(0);
	rig_write(R_EECD, 0x40);
	ok(rig_read(R_EECD) & 0x80, "the EEPROM is granted");
	for (unsigned i = 0; i < 64; i++) {
		rig_write(R_EERD, i << 8 | 1);
		same += (rig_read(R_EERD) & 0x10) && rig_read(R_EERD) >> 16 == microwire(i);
		sum = (uint16_t)(sum + microwire(i));
	}
	ok(same == 64 && sum == 0xbaba, "both ways to it agree, and so does the checksum");
	ok(microwire(0) == 0x5452 && microwire(2) == 0x5634, "it has the MAC address");
	ok(rig_read(R_RAL) == 0x12005452 && rig_read(R_RAH) == 0x80005634, "which the first receive address is");
	ok((phy(2, 2, 0) & 0xd000ffff) == 0x10000141 && (phy(3, 2, 0) & 0xfff0) == 0x0c20, "the PHY is an M88E1011");
	ok(phy(1, 2, 0) & 4 && rig_read(R_STATUS) & 2, "the link is up");
	phy(0, 1, 0x9140);
	ok((phy(0, 2, 0) & 0xffff) == 0x1140, "a reset of the PHY is over when it is seen");
	rig_write(R_MDIC, 2U << 26 | 2U << 21);
	ok(rig_read(R_MDIC) & 1U << 30, "there is no other PHY");
	net_set_link(rig.net, false);
	ok(!(phy(1, 2, 0) & 4) && !(rig_read(R_STATUS) & 2) && rig_rises == 1 && rig_read(R_ICR) == ICR_LSC,
	    "a cable that is pulled is told");
	net_set_link(rig.net, true);
	ok(rig_read(R_STATUS) & 2 && rig_read(R_ICR) == ICR_LSC, "and one that is plugged in");
}

static void
test_interrupts(void)
{
	begin(0);
	rig_write(R_ICS, ICR_TXQE);
	ok(!rig_level && rig_read(R_ICR) == ICR_TXQE, "a cause that is masked");
	rig_write(R_ICS, ICR_LSC);
	ok(rig_level, "one that is not");
	rig_write(R_IMC, ICR_LSC);
	ok(!rig_level, "and is masked then");
	rig_write(R_IMS, ICR_LSC);
	ok(rig_level && rig_read(R_ICR) == ICR_LSC && !rig_level, "read, it is cleared");
	rig_write(R_ITR, 0xffff); /* 16 ms */
	rig_write(R_ICS, ICR_LSC);
	rig_read(R_ICR);
	arrives((const uint8_t[64]){0}, 64);
	arrives(mac, 60);
	ok(!rig_level && *e1000_reg(rig_card, R_ICR) & ICR_RXT0, "the next one comes not sooner than ITR allows");
	for (unsigned i = 0; i < 100 && !rig_level; i++)
		loop_once(&rig_card->net->io.loop, 10);
	ok(rig_level, "but it comes");
}

/* --- sending --- */

static void
test_send(void)
{
	uint8_t frame[FRAME_MAX], *data = mem(TX_DATA);

	begin(0);
	memset(data, 0xab, 200);
	descriptor(TX_DATA, 100 | 0x09000000, 0);
	go();
	ok(sent(frame) == 100 && frame[99] == 0xab, "a legacy descriptor is a frame");
	ok(mem(TX_RING)[12] == 1 && rig_read(R_TDH) == 1 && rig_read(R_ICR) & ICR_TXDW, "which is told");
	descriptor(TX_DATA, 14, 0);
	descriptor(TX_DATA + 14, 20 | 0x01000000, 0);
	go();
	ok(sent(frame) == 60 && frame[33] == 0xab && frame[34] == 0, "two make one, filled up to 60 bytes");
	ok(!mem(TX_RING + 16)[12], "not told without RS");
	memset(data, 0, 60);
	data[20] = 0x12;
	data[21] = 0x34;
	descriptor(TX_DATA, 60 | 0x05000000 | 30 << 16, 20 << 8);
	go();
	ok(sent(frame) == 60 && frame[30] == 0xed && frame[31] == 0xcb, "a legacy checksum");
	rig_write(R_CTRL, CTRL_VME);
	descriptor(TX_DATA, 60 | 0x41000000, 0x123U << 16);
	go();
	ok(sent(frame) == 64 && get_be32(frame + 12) == 0x81000123, "a tag is put in");
	descriptor(RIG_MEM - 10, 60 | 0x01000000, 0);
	descriptor(TX_DATA, 60 | 0x01000000, 0);
	go();
	ok(sent(frame) == 60 && sent(frame) < 0 && rig_read(R_TDH) == rig_read(R_TDT), "bytes that are nowhere are no frame");
	rig_write(R_TDT, 99);
	ok(sent(frame) < 0, "an index outside of the ring");
	rig_write(R_TDT, tx_tail);
	rig_write(R_TCTL, 0);
	descriptor(TX_DATA, 60 | 0x01000000, 0);
	go();
	ok(sent(frame) < 0, "nothing while sending is off");
	rig_write(R_TCTL, TCTL_EN);
	ok(sent(frame) == 60, "but then");
	ok(rig_read(R_GPTC) == 6 && rig_read(R_GPTC) == 0, "the statistics, once");
}

/* Ethernet, IPv4 and TCP headers for `len` bytes of data, as a driver that leaves sums and segments to the card has them. */
static void
put_tcp(uint8_t *f, size_t len, bool segment)
{
	static const uint8_t ip[20] = {0x45, 0, 0, 0, 0, 7, 0x40, 0, 64, 6, 0, 0, 10, 0, 2, 15, 10, 0, 2, 2};
	uint64_t sum;

	memset(f, 0, 54);
	f[12] = 8;
	memcpy(f + 14, ip, 20);
	put_be16(f + 16, (uint16_t)(segment ? 0 : 40 + len));
	put_be32(f + 38, 1000);
	f[46] = 5 << 4;
	f[47] = 0x19; /* ACK, PSH, FIN */
	sum = segment_sum(f + 26, 8, (uint64_t)htobe16(6) + (segment ? 0 : htobe16((uint16_t)(20 + len))));
	put_be16(f + 50, be16toh(segment_fold(sum)));
}

/* Are its checksums right? */
static bool
is_right(const uint8_t *f, size_t len)
{
	uint64_t pseudo = segment_sum(f + 26, 8, (uint64_t)htobe16(6) + htobe16((uint16_t)(len - 34)));

	return get_be16(f + 16) == len - 14 && segment_fold(segment_sum(f + 14, 20, 0)) == 0xffff &&
	    segment_fold(segment_sum(f + 34, len - 34, pseudo)) == 0xffff;
}

static void
context(uint32_t command, uint32_t header, uint32_t mss)
{
	descriptor(14 | 24ULL << 8 | 33ULL << 16 | 34ULL << 32 | 50ULL << 40, 0x23000000 | command, header << 8 | mss << 16);
}

static void
test_offload(void)
{
	uint8_t frame[FRAME_MAX], *f = mem(TX_DATA);
	size_t total = 0;
	unsigned frames = 0, right = 0, finished = 0;
	ssize_t len;

	begin(0);
	put_tcp(f, 101, false);
	memset(f + 54, 'x', 101);
	context(0, 0, 0);
	descriptor(TX_DATA, 155 | 0x21100000, 0x300);
	go();
	len = sent(frame);
	ok(len == 155 && is_right(frame, 155), "checksums of IP and TCP are put in");
	put_tcp(f, 0, true);
	for (unsigned i = 0; i < 10000; i++)
		f[54 + i] = (uint8_t)(i / 100);
	context(0x04000000, 54, 1460);
	descriptor(TX_DATA, 54 | 0x24100000, 0x300);
	descriptor(TX_DATA + 54, 10000 | 0x25100000, 0);
	go();
	while ((len = sent(frame)) > 0) {
		right += is_right(frame, (size_t)len) && get_be32(frame + 38) == 1000 + total && get_be16(frame + 18) == 7 + frames;
		finished += frame[47] & 1;
		right -= memcmp(frame + 54, f + 54 + total, (size_t)len - 54) != 0;
		total += (size_t)len - 54;
		frames++;
	}
	ok(frames == 7 && total == 10000, "10000 bytes become seven segments");
	ok(right == 7, "with right lengths, numbers, checksums, bytes");
	ok(finished == 1 && frame[47] & 1, "the last one alone ends the stream");
	context(0x04000000, 54, 0);
	descriptor(TX_DATA, 1054 | 0x25100000, 0x300);
	context(0x04000000, 200, 1460);
	descriptor(TX_DATA, 100 | 0x25100000, 0x300);
	context(0x04000000, 54, 65000);
	descriptor(TX_DATA, 10054 | 0x25100000, 0x300);
	go();
	ok(sent(frame) < 0 && rig_read(R_TDH) == rig_read(R_TDT), "segments of nothing, without data, of more than a frame");
	memset(f + 2000, 0xa5, 58000);
	memset(rig_card->tx.out, 0, sizeof(rig_card->tx.out));
	context(0x04000000, 54, 1460);
	descriptor(TX_DATA, 60000 | 0x24100000, 0x300);
	descriptor(TX_DATA, 60000 | 0x25100000, 0);
	go();
	ok(sent(frame) < 0 && bytes_zero(rig_card->tx.out, sizeof(rig_card->tx.out)), "nor of a packet that is longer than any");
	context(0x04000000, 54, 1);
	descriptor(TX_DATA, 1054 | 0x25100000, 0x300);
	go();
	for (frames = 0; frames < 2000 && (rig_run(), sent(frame)) > 0;)
		frames++;
	ok(frames == 1000, "a thousand segments of a byte, %u", frames);
}

/* --- receiving --- */

static void
test_receive(void)
{
	uint8_t frame[3000] = {0}, *d = mem(RX_RING);

	begin(RCTL_BAM);
	memcpy(frame, mac, 6);
	frame[59] = 9;
	arrives(frame, 60);
	ok(d[12] == 7 && get_le16(d + 8) == 64 && mem(RX_DATA)[59] == 9, "a frame, with its check sequence");
	ok(rig_rises == 1 && rig_read(R_ICR) & ICR_RXT0 && rig_read(R_RDH) == 1, "is told");
	arrives(frame, 20);
	ok(get_le16(d + 16 + 8) == 64, "a short one is filled up");
	arrives(frame, 5);
	frame[5]++;
	arrives(frame, 60);
	frame[0] = 0x33;
	arrives(frame, 60);
	ok(rig_read(R_RDH) == 2, "what is no frame does not come, nor those for others, nor multicast");
	rig_write(R_MTA + 4 * ((get_le16(frame + 4) >> 4 & 0xfff) >> 5), 1U << (get_le16(frame + 4) >> 4 & 31));
	arrives(frame, 60);
	ok(rig_read(R_RDH) == 3 && rig_read(R_MPRC) == 1, "unless the table has them");
	memset(frame, 0xff, 6);
	arrives(frame, 60);
	ok(rig_read(R_RDH) == 4 && rig_read(R_BPRC) == 1, "broadcast");
	memcpy(frame, mac, 6);
	arrives(frame, 1600);
	ok(rig_read(R_RDH) == 4, "long ones do not");
	rig_write(R_RCTL, RCTL_EN | RCTL_LPE | RCTL_SECRC | 3 << 16);
	arrives(frame, 600);
	ok(rig_read(R_RDH) == 7 && get_le16(d + 4 * 16 + 8) == 256 && get_le16(d + 6 * 16 + 8) == 88 && !(d[4 * 16 + 12] & 2) &&
		d[6 * 16 + 12] & 2, "one of several buffers of 256 bytes, without its check sequence");
	rig_write(R_RCTL, RCTL_EN | RCTL_SECRC);
	put_be32(frame + 12, 0x81000021);
	arrives(frame, 100);
	ok(rig_read(R_RDH) == 8 && get_le16(d + 7 * 16 + 8) == 100 && !(d[7 * 16 + 12] & 8), "a tag stays where it is");
	rig_write(R_RCTL, RCTL_EN | RCTL_SECRC | RCTL_VFE);
	rig_write(R_CTRL, CTRL_VME);
	arrives(frame, 100);
	ok(rig_read(R_RDH) == 8, "a VLAN that is not wanted");
	rig_write(R_VFTA + 4, 2);
	arrives(frame, 100);
	ok(get_le16(d + 8 * 16 + 8) == 96 && get_le16(d + 8 * 16 + 14) == 0x21 && d[8 * 16 + 12] & 8, "one that is, without its tag");
}

static void
test_full(void)
{
	uint8_t frame[2000] = {0};

	begin(RCTL_UPE | RCTL_LPE | 3 << 16);
	rig_write(R_RDLEN, 16 * 8);
	rig_write(R_RDT, 7);
	arrives(frame, 2000);
	ok(rig_read(R_RDH) == 0 && rig_read(R_MPC) == 1 && rig_read(R_ICR) & ICR_RXO, "a frame that no whole ring could take is lost");
	begin(RCTL_UPE);
	for (unsigned i = 0; i < 40; i++)
		arrives(frame, 60);
	ok(rig_read(R_RDH) == ENTRIES - 1, "a ring that is full takes no more");
	ok(rig.net->pairs[0].rx_paused && rig_read(R_MPC) == 0, "the others wait on the wire");
	rig_write(R_RDT, 5);
	ok(rig_read(R_RDH) == 5, "and come when there is room");
	put_le64(mem(RX_RING + 16 * 5), RIG_MEM);
	rig_write(R_RDT, 8);
	arrives(frame, 60);
	ok(rig_read(R_RDH) == 8, "a buffer that is nowhere takes its frame with it");
	rig_write(R_RDBAL, RIG_MEM);
	rig_write(R_RDH, 0);
	rig_write(R_RDT, 4);
	arrives(frame, 60);
	ok(rig_read(R_RDH) <= 4, "so does a ring");
	rig_write(R_RDH, 4000);
	arrives(frame, 60);
	ok(rig_read(R_RDH) == 4000, "an index outside of the ring");
}

int
main(void)
{
	rig_make();
	test_serial();
	test_interrupts();
	test_send();
	test_offload();
	test_receive();
	test_full();
	rig_unmake();
	return tap_done();
}
