/* Runs a fuzz target over the files of its corpus: what libFuzzer does, without libFuzzer.
 *
 * usage: fuzz_NAME DIRECTORY... */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

#define FILE_LIMIT ((size_t)4 * 1024 * 1024)

static int run_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    uint8_t *bytes = malloc(FILE_LIMIT);
    if (file == NULL || bytes == NULL) {
        (void)fprintf(stderr, "%s cannot be read\n", path);
        if (file != NULL)
            (void)fclose(file);
        free(bytes);
        return EXIT_FAILURE;
    }
    const size_t length = fread(bytes, 1, FILE_LIMIT, file);
    (void)fclose(file);
    /* The exact size, so that a sanitizer sees what is read past the end. */
    uint8_t *exact = malloc(length + (length == 0));
    if (exact != NULL && length > 0)
        memcpy(exact, bytes, length);
    if (exact != NULL)
        (void)LLVMFuzzerTestOneInput(exact, length);
    free(exact);
    free(bytes);
    return EXIT_SUCCESS;
}

static int run_directory(const char *path, size_t *ret_count)
{
    char name[4096];
    DIR *directory = opendir(path);
    int result = EXIT_SUCCESS;
    if (directory == NULL)
        return EXIT_FAILURE;
    for (const struct dirent *entry = readdir(directory); entry != NULL;
         entry = readdir(directory)) {
        if (entry->d_name[0] == '.')
            continue;
        (void)snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
        result |= run_file(name);
        (*ret_count)++;
    }
    (void)closedir(directory);
    return result;
}

int main(int count, char **arguments)
{
    int result = EXIT_SUCCESS;
    size_t files = 0;
    for (int i = 1; i < count; i++)
        result |= run_directory(arguments[i], &files);
    (void)printf("%zu inputs\n", files);
    return files == 0 ? EXIT_FAILURE : result;
}
