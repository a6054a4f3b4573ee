/* links: vm-dhcpd/pxe.c */
/* SPDX-License-Identifier: ISC */
/* Which client boots what. */
#include <arpa/inet.h>

#include "tests/unit/tap.h"
#include "vm-dhcpd/pxe.h"

static struct pxe pxe;

static void
given(const char *const *words)
{
	memset(&pxe, 0, sizeof(pxe));
	for (; *words; words++)
		ok(!pxe_add(&pxe, *words), "taken: %s", *words);
}

static struct pxe_answer
choice(int arch, const char *class, const char *user)
{
	struct pxe_client c = {.arch = arch, .class = (const uint8_t *)class, .class_len = class ? strlen(class) : 0,
	    .user_class = (const uint8_t *)user, .user_class_len = user ? strlen(user) : 0};
	struct pxe_answer a;

	pxe_choose(&pxe, &c, &a);
	return a;
}

static void
boots(int arch, const char *class, const char *user, const char *file)
{
	char name[128];

	snprintf(name, sizeof(name), "architecture %d, class %s, user class %s", arch, class ? class : "none", user ? user : "none");
	is(choice(arch, class, user).file, file, name);
}

#define PXE "PXEClient:Arch:00000:UNDI:002001"
#define HTTP "HTTPClient:Arch:00016:UNDI:003016"

static void
test_choice(void)
{
	given((const char *const[]){"any", "bios=undionly.kpxe", "x64=ipxe.efi", "arm64=arm.efi", "ipxe=http://h/boot.ipxe",
	    "x64=http://h/x64.efi", "22=uboot", NULL});
	boots(0, PXE, NULL, "undionly.kpxe");
	boots(7, PXE, NULL, "ipxe.efi");
	boots(9, PXE, NULL, "ipxe.efi");
	boots(11, PXE, NULL, "arm.efi");
	boots(22, PXE, NULL, "uboot");
	boots(6, PXE, NULL, "any");
	boots(PXE_NO_ARCH, NULL, NULL, "any");
	boots(16, HTTP, NULL, "http://h/x64.efi");
	boots(19, HTTP, NULL, NULL);
	boots(0, PXE, "iPXE", "http://h/boot.ipxe");
	boots(7, PXE, "\4iPXE", "http://h/boot.ipxe");
	boots(0, PXE, "iPX", "undionly.kpxe");
	given((const char *const[]){"a", "http://h/?a=b", NULL});
	boots(0, PXE, "iPXE", "a");
	boots(16, HTTP, NULL, "http://h/?a=b");
	given((const char *const[]){"ipxe=s", NULL});
	boots(0, PXE, NULL, NULL);
	boots(0, NULL, "iPXE", "s");
	given((const char *const[]){NULL});
	boots(0, PXE, "iPXE", NULL);
}

static void
test_answer(void)
{
	struct pxe_client c = {.arch = 0, .ipxe = true};
	struct pxe_answer a;

	given((const char *const[]){"f", "http://h/f", NULL});
	a = choice(0, PXE, NULL);
	is(a.class, "PXEClient", "its class is echoed");
	ok(a.vendor_len == 4 && !memcmp(a.vendor, "\6\1\10\377", 4), "no boot server is to be discovered");
	ok(!a.next.s_addr && !a.server && !a.url, "the TFTP server is us");
	a = choice(0, "MSFT 5.0", NULL);
	ok(a.file && !a.class && !a.vendor, "no class that was not asked for");
	a = choice(16, HTTP, NULL);
	is(a.class, "HTTPClient", "HTTP: its class is echoed");
	ok(a.url && !a.vendor, "HTTP: a URL, no option of PXE");
	ok(!pxe_set_server(&pxe, "192.0.2.1"), "a server by address");
	a = choice(0, PXE, NULL);
	is(a.server, "192.0.2.1", "it is named");
	ok(a.next.s_addr == htonl(0xc0000201), "and its address is next");
	a = choice(16, HTTP, NULL);
	ok(!a.server && !a.next.s_addr, "no TFTP server for a URL");
	ok(!pxe_set_server(&pxe, "boot"), "a server by name");
	given((const char *const[]){"f", "ipxe=s", NULL});
	pxe_choose(&pxe, &c, &a);
	is(a.file, "s", "iPXE by its own option");
}

static void
test_words(void)
{
	static const char *const bad[] = {"x65=f", "=f", "x64=", "", "65536=f", "abcdefghijklmnopqrstuvwxyz=f", "f", NULL};
	char letters[2] = "a", longer[300];

	given((const char *const[]){"f", NULL});
	for (const char *const *w = bad; *w; w++)
		ok(pxe_add(&pxe, *w), "refused: '%s'", *w);
	ok(pxe_add(&pxe, "ipxe="), "refused: ipxe=");
	given((const char *const[]){"ipxe=a", "x64=a", NULL});
	ok(pxe_add(&pxe, "ipxe=http://b"), "iPXE has one file");
	ok(pxe_add(&pxe, "9=b"), "two numbers of one machine");
	memset(longer, 'x', sizeof(longer));
	longer[255] = '\0';
	ok(pxe_add(&pxe, longer), "too long");
	ok(!pxe_add(&pxe, longer + 1), "as long as may be");
	ok(pxe_set_server(&pxe, "") && pxe_set_server(&pxe, longer), "no server's name");
	for (int i = 0; pxe.nfiles < PXE_FILES_MAX; i++) {
		static char words[PXE_FILES_MAX][16];

		snprintf(words[i], sizeof(words[i]), "%d=f", 100 + i);
		pxe_add(&pxe, words[i]);
	}
	ok(pxe_add(&pxe, letters), "too many");
}

int
main(void)
{
	test_choice();
	test_answer();
	test_words();
	return tap_done();
}
