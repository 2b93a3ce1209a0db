/* replay_main.c - main() of a fuzz target without libFuzzer: runs every file it is given once, and
 * every file of every folder. Each input lies in memory of exactly its size, so that the address
 * sanitizer sees an over-read. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fail(const char *path)
{
    perror(path);
    exit(1);
}

static size_t replay_file(const char *path, size_t size)
{
    FILE *f = fopen(path, "rb");
    uint8_t *bytes = malloc(size ? size : 1);
    if (!f || !bytes || fread(bytes, 1, size, f) != size) fail(path);
    fclose(f);
    LLVMFuzzerTestOneInput(bytes, size);
    free(bytes);
    return 1;
}

/* How many files were run. */
static size_t replay(const char *path)
{
    struct stat st;
    struct dirent *entry;
    size_t count = 0;
    if (stat(path, &st) != 0) fail(path);
    if (!S_ISDIR(st.st_mode)) return replay_file(path, (size_t)st.st_size);
    DIR *folder = opendir(path);
    if (!folder) fail(path);
    while ((entry = readdir(folder))) {
        char child[4096];
        if (entry->d_name[0] == '.') continue;
        snprintf(child, sizeof child, "%s/%s", path, entry->d_name);
        count += replay(child);
    }
    closedir(folder);
    return count;
}

int main(int argc, char **argv)
{
    size_t count = 0;
    for (int i = 1; i < argc; i++)
        count += replay(argv[i]);
    printf("%zu inputs\n", count);
    return count ? 0 : 1;
}
