/* SPDX-License-Identifier: ISC */
/* Which client boots what; the contracts are in pxe.h. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "common/num.h"
#include "common/util.h"
#include "vm-dhcpd/pxe.h"

/* In struct pxe_file, beside the architectures. */
#define WHO_ANY -1
#define WHO_IPXE -2

/* IANA, Processor Architecture Types (RFC 5970, 3.3): one machine has a number for each way in which it boots. */
static const struct {
	const char *name;
	uint16_t arch, others[3];
} machines[] = {
    {"bios", 0, {20}},		/* HTTP */
    {"x86", 6, {15}},		/* UEFI, 32 bits; HTTP */
    {"x64", 7, {9, 16, 17}},	/* 9 is EBC's by the letter, and what firmware says; HTTP of both */
    {"arm", 10, {18}},		/* UEFI, 32 bits; HTTP */
    {"arm64", 11, {19}},	/* HTTP */
    {"riscv64", 27, {28}},	/* HTTP */
};

static bool
among(const uint16_t *others, size_t n, int arch)
{
	for (size_t i = 0; i < n; i++)
		if (others[i] && others[i] == arch)
			return true;
	return false;
}

/* The number under which all that mean the same machine are kept. */
static int
machine(int arch)
{
	for (size_t i = 0; i < ARRAY_LEN(machines); i++)
		if (among(machines[i].others, ARRAY_LEN(machines[i].others), arch))
			return machines[i].arch;
	return arch;
}

static bool
parse_who(const char *word, size_t len, int *who)
{
	char name[16];
	uint64_t n;

	if (len >= sizeof(name))
		return false;
	memcpy(name, word, len);
	name[len] = '\0';
	for (size_t i = 0; i < ARRAY_LEN(machines); i++) {
		if (!strcmp(name, machines[i].name)) {
			*who = machines[i].arch;
			return true;
		}
	}
	*who = WHO_IPXE;
	if (!strcmp(name, "ipxe"))
		return true;
	if (!num_parse(name, 0, UINT16_MAX, &n))
		return false;
	*who = machine((int)n);
	return true;
}

const char *
pxe_add(struct pxe *p, const char *word)
{
	struct pxe_file f = {.who = WHO_ANY};
	/* A name of a machine before '='; a file or URL may have that sign too, but behind other characters. */
	size_t who = strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789");

	f.file = word[who] == '=' ? word + who + 1 : word;
	f.url = strstr(f.file, "://");
	if (f.file != word && !parse_who(word, who, &f.who))
		return "before = is none of bios, x86, x64, arm, arm64, riscv64, ipxe, nor the number of an architecture";
	if (!*f.file)
		return "no file";
	if (strlen(f.file) > PXE_FILE_MAX)
		return "longer than 254 characters";
	for (size_t i = 0; i < p->nfiles; i++)
		if (p->files[i].who == f.who && (p->files[i].url == f.url || f.who == WHO_IPXE))
			return "there is one for that client already";
	if (p->nfiles == PXE_FILES_MAX)
		return "too many of them";
	p->files[p->nfiles++] = f;
	return NULL;
}

const char *
pxe_set_server(struct pxe *p, const char *word)
{
	if (!*word || strlen(word) > 63)
		return "not a name of 1 to 63 characters";
	p->server = word;
	inet_pton(AF_INET, word, &p->next); /* or none: then it is a name, which the client looks up */
	return NULL;
}

void
pxe_print(const struct pxe *p)
{
	for (size_t i = 0; i < p->nfiles; i++) {
		int who = p->files[i].who;
		char number[16];
		const char *name = who == WHO_ANY ? "any" : who == WHO_IPXE ? "ipxe" : number;

		snprintf(number, sizeof(number), "%d", who);
		for (size_t m = 0; m < ARRAY_LEN(machines); m++)
			if (machines[m].arch == who)
				name = machines[m].name;
		printf("boot\t%s\t%s\n", name, p->files[i].file);
	}
	if (p->server)
		printf("bootserver\t%s\n", p->server);
}

static bool
begins(const uint8_t *bytes, size_t len, const char *with)
{
	return bytes && len >= strlen(with) && !memcmp(bytes, with, strlen(with));
}

/* iPXE sends its name as the whole of option 77; with its length before it, as RFC 3004 has it, others do for it. */
static bool
is_ipxe(const struct pxe_client *c)
{
	return c->ipxe || begins(c->user_class, c->user_class_len, "iPXE") || begins(c->user_class, c->user_class_len, "\4iPXE");
}

/* How well a file suits a client; 0: not at all. iPXE takes files and URLs, firmware the one that it asks for. */
static int
suits(const struct pxe_file *f, int arch, bool ipxe, bool http)
{
	if (f->who == WHO_IPXE)
		return ipxe ? 3 : 0;
	if (!ipxe && f->url != http)
		return 0;
	if (f->who == WHO_ANY)
		return 1;
	return f->who == arch ? 2 : 0;
}

void
pxe_choose(const struct pxe *p, const struct pxe_client *c, struct pxe_answer *a)
{
	/* PXE 2.1, 2.2.3: PXE_DISCOVERY_CONTROL, bit 3: fetch the file named here, ask for no boot server; and the end. */
	static const uint8_t no_discovery[] = {6, 1, 8, 255};
	bool ipxe = is_ipxe(c), http = begins(c->class, c->class_len, "HTTPClient");
	const struct pxe_file *best = NULL;
	int most = 0;

	*a = (struct pxe_answer){0};
	for (size_t i = 0; i < p->nfiles; i++) {
		int n = suits(&p->files[i], machine(c->arch), ipxe, http);

		if (n > most) {
			most = n;
			best = &p->files[i];
		}
	}
	if (!best)
		return;
	a->file = best->file;
	a->url = best->url;
	if (http) {
		a->class = "HTTPClient"; /* UEFI 2.10, 24.7.3.1: without it the offer is none of HTTP boot */
	} else if (begins(c->class, c->class_len, "PXEClient")) {
		a->class = "PXEClient";
		a->vendor = no_discovery;
		a->vendor_len = sizeof(no_discovery);
	}
	if (!a->url) {
		a->server = p->server;
		a->next = p->next;
	}
}
