/* SPDX-License-Identifier: ISC */
/* links: vm-dhcpd/tftp_packet.c vm-dhcpd/tftp_file.c */
/* TFTP: requests and their options, windows of blocks, names of files that lead out of the directory. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/tap.h"
#include "vm-dhcpd/tftp_file.h"
#include "vm-dhcpd/tftp_packet.h"

static struct tftp_request r;
static enum tftp_code code;
static const char *why;

static bool
parse(const char *bytes, size_t len)
{
	static uint8_t packet[2 * TFTP_REQUEST_MAX];

	memcpy(packet, bytes, len);
	return tftp_parse_request(&r, packet, len, &code, &why);
}

#define PARSE(text) parse(text, sizeof(text) - 1)

static void
test_requests(void)
{
	char large[TFTP_REQUEST_MAX + 1] = "\0\1";

	ok(PARSE("\0\1file\0octet\0") && !why && !strcmp(r.name, "file") && !tftp_has_options(&r), "a request");
	ok(PARSE("\0\1\\boot\\bcd\0OCTET\0") && !why && !strcmp(r.name, "/boot/bcd"), "backslashes, capitals");
	ok(PARSE("\0\1f\0netascii\0") && why && code == TFTP_ILLEGAL, "netascii is refused");
	ok(PARSE("\0\2f\0octet\0") && why && code == TFTP_ACCESS, "writing is refused");
	ok(!PARSE("\0\3f\0octet\0") && !PARSE("\0\0f\0octet\0") && !PARSE("\1\1f\0octet\0"), "not a request");
	ok(!PARSE("\0\1file\0octet") && !PARSE("\0\1file") && !PARSE("\0\1") && !PARSE(""), "texts without end");
	ok(PARSE("\0\1\0octet\0") && !*r.name, "an empty name");
	memset(large + 2, 'x', sizeof(large) - 2);
	memcpy(large + sizeof(large) - 8, "\0octet\0", 8);
	ok(!parse(large, sizeof(large)), "too large");
	ok(PARSE("\0\1f\0octet\0blksize\0001468\0tsize\0000\0timeout\0003\0windowsize\00016\0") && r.blksize == 1468 && r.tsize &&
	       r.timeout == 3 && r.window == 16,
	    "options");
	ok(PARSE("\0\1f\0octet\0BlkSize\0008\0foo\0bar\0TSIZE\0x\0") && r.blksize == 8 && r.tsize, "capitals, unknown ones");
	ok(PARSE("\0\1f\0octet\0blksize\0007\0timeout\0000\0windowsize\0000\0") && !tftp_has_options(&r), "values too small");
	ok(PARSE("\0\1f\0octet\0blksize\00065465\0timeout\00011\0windowsize\00065536\0") && !tftp_has_options(&r), "too large");
	ok(PARSE("\0\1f\0octet\0blksize\0-9\0windowsize\0+4\0timeout\0\0") && !tftp_has_options(&r), "no numbers");
	ok(PARSE("\0\1f\0octet\0blksize\000512") && !tftp_has_options(&r), "an option without end");
}

static void
test_settling(void)
{
	uint8_t out[TFTP_REPLY_MAX];

	r = (struct tftp_request){.blksize = 9000, .window = 65535, .timeout = 2, .tsize = true};
	tftp_settle(&r, 1468);
	ok(r.blksize == 1468 && r.window == 65000 / 1472, "what fits into a packet, and into one datagram");
	ok(tftp_put_oack(out, &r, 12345678901) == 57 &&
	       !memcmp(out, "\0\6blksize\0001468\0tsize\00012345678901\0timeout\0002\0windowsize\00044\0", 57),
	    "its OACK");
	r = (struct tftp_request){.window = 65535};
	tftp_settle(&r, 1468);
	ok(r.window == TFTP_WINDOW_MAX && !r.blksize, "a window of the usual blocks");
	r = (struct tftp_request){.blksize = TFTP_BLKSIZE_MAX, .window = 2};
	tftp_settle(&r, TFTP_BLKSIZE_MAX);
	ok(r.window == 1, "one block at least");
	r = (struct tftp_request){.blksize = UINT16_MAX, .window = UINT16_MAX, .timeout = 255, .tsize = true};
	ok(tftp_put_oack(out, &r, UINT64_MAX) < TFTP_REPLY_MAX, "the longest OACK fits");
	ok(tftp_put_error(out, TFTP_ACCESS, "no") == 7 && !memcmp(out, "\0\5\0\2no\0", 7), "an error");
}

static void
test_lockstep(void)
{
	struct tftp_window w = {.total = 3, .size = 1};

	ok(tftp_send_next(&w) == 1 && w.sent == 1, "block 1");
	ok(tftp_acked(&w, 0) == TFTP_WAIT, "an ACK of nothing");
	ok(tftp_acked(&w, 2) == TFTP_WAIT, "an ACK of what was not sent");
	ok(tftp_acked(&w, 1) == TFTP_SEND && w.acked == 1, "ACK 1");
	tftp_send_next(&w);
	ok(tftp_acked(&w, 1) == TFTP_WAIT, "ACK 1 again is not answered (RFC 1123, 4.2.3.1)");
	ok(tftp_acked(&w, 2) == TFTP_SEND && tftp_send_next(&w) == 1, "ACK 2");
	ok(tftp_acked(&w, 3) == TFTP_DONE, "ACK 3 is the last");
	w = (struct tftp_window){.total = 1, .size = 1, .oack = true};
	ok(tftp_acked(&w, 1) == TFTP_WAIT && w.oack, "an OACK is acknowledged by 0 alone");
	ok(tftp_acked(&w, 0) == TFTP_SEND && !w.oack, "and then the blocks come");
}

static void
test_windows(void)
{
	struct tftp_window w = {.total = 200000, .size = 8};

	ok(tftp_send_next(&w) == 8, "8 blocks");
	ok(tftp_acked(&w, 0) == TFTP_SEND && tftp_send_next(&w) == 8 && w.acked == 0, "the first was lost: once more");
	ok(tftp_acked(&w, 0) == TFTP_WAIT, "but only once");
	ok(tftp_acked(&w, 3) == TFTP_SEND && tftp_send_next(&w) == 8 && w.sent == 11, "the fourth was lost");
	ok(tftp_acked(&w, 3) == TFTP_SEND && tftp_acked(&w, 3) == TFTP_WAIT, "and again");
	ok(tftp_acked(&w, 2) == TFTP_WAIT && tftp_acked(&w, 12) == TFTP_WAIT, "outside of the window");
	w.acked = 65530;
	ok(tftp_send_next(&w) == 8 && w.sent == 65538, "over 65535");
	ok(tftp_acked(&w, 65535) == TFTP_SEND && w.acked == 65535, "ACK 65535");
	tftp_send_next(&w);
	ok(tftp_acked(&w, 1) == TFTP_SEND && w.acked == 65537, "ACK 1 is 65537");
	w.acked = 199998;
	ok(tftp_send_next(&w) == 2 && tftp_acked(&w, (uint16_t)200000) == TFTP_DONE, "the end is less than a window");
}

static void
opens(int root, const char *name, int want)
{
	uint64_t size;
	int fd = tftp_file_open(root, name, &size), err = fd < 0 ? errno : 0;

	if (!ok(err == want, "'%.40s': %s", name, want ? strerror(want) : "opened"))
		printf("# %s\n", strerror(err));
	if (fd >= 0)
		close(fd);
}

static void
make(int at, const char *name, mode_t mode)
{
	int fd = openat(at, name, O_WRONLY | O_CREAT, 0600);

	fchmod(fd, mode);
	if (fd < 0 || write(fd, "text", 4) != 4)
		ok(false, "%s", name);
	close(fd);
}

static void
point(int at, const char *name, const char *target)
{
	if (symlinkat(target, at, name) < 0)
		ok(false, "%s", name);
}

static void
test_names(void)
{
	char dir[] = "/tmp/tftpXXXXXX", path[64], longest[5000];
	int at, root;
	uint64_t size;

	if (!mkdtemp(dir))
		return;
	at = open(dir, O_RDONLY | O_DIRECTORY);
	mkdirat(at, "root", 0755);
	mkdirat(at, "root/sub", 0755);
	snprintf(path, sizeof(path), "%s/root", dir);
	make(at, "secret", 0644);
	make(at, "root/file", 0644);
	make(at, "root/sub/file", 0644);
	make(at, "root/private", 0640);
	mkfifoat(at, "root/fifo", 0644);
	point(at, "root/inside", "sub/file");
	point(at, "root/outside", "../secret");
	point(at, "root/absolute", "/etc/passwd");
	point(at, "root/all", "/");
	point(at, "root/loop", "loop");
	point(at, "root/magic", "/proc/self/fd/0");
	root = tftp_root_open(path);
	opens(root, "file", 0);
	opens(root, "/file", 0);
	opens(root, "///sub//file", 0);
	opens(root, "sub/../file", 0);
	opens(root, "inside", 0);
	opens(root, "none", ENOENT);
	opens(root, "", ENOENT);
	opens(root, "/", ENOENT);
	opens(root, ".", EACCES);
	opens(root, "sub", EACCES);
	opens(root, "fifo", EACCES);
	opens(root, "private", EACCES);
	opens(root, "../secret", EXDEV);
	opens(root, "/../secret", EXDEV);
	opens(root, "sub/../../secret", EXDEV);
	opens(root, "..", EXDEV);
	opens(root, "outside", EXDEV);
	opens(root, "absolute", EXDEV);
	opens(root, "all/etc/passwd", EXDEV);
	opens(root, "magic", EXDEV);
	opens(root, "loop", ELOOP);
	opens(root, "file/", ENOTDIR);
	memset(longest, 'x', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	opens(root, longest, ENAMETOOLONG);
	ok(tftp_file_open(root, "file", &size) >= 0 && size == 4, "its size");
	snprintf(longest, sizeof(longest), "rm -r %s", dir);
	if (system(longest))
		printf("# %s stays\n", dir);
}

int
main(void)
{
	test_requests();
	test_settling();
	test_lockstep();
	test_windows();
	test_names();
	return tap_done();
}
