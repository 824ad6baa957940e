/* Stands in for any program of Windows: runs a script with the Python of these tests, and tells it what it is called as.
   As python.exe it is that Python. */
#include <stdio.h>
#include <wchar.h>
#include <windows.h>

#define PYTHON L"Z:\\windows\\python\\python.exe"

int wmain(void)
{
    wchar_t own[MAX_PATH], line[8192], *rest = GetCommandLineW(), *name;
    STARTUPINFOW start = {sizeof start};
    PROCESS_INFORMATION process;
    DWORD status;
    GetModuleFileNameW(NULL, own, MAX_PATH);
    name = wcsrchr(own, L'\\') + 1;
    if (*rest == L'"')
        rest = wcschr(rest + 1, L'"') + 1;
    else
        while (*rest && *rest != L' ')
            rest++;
    if (!_wcsicmp(name, L"python.exe"))
        swprintf(line, 8192, L"%ls%ls", PYTHON, rest);
    else
        swprintf(line, 8192, L"%ls Z:\\windows\\scratch\\stand_in.py %ls%ls", PYTHON, name, rest);
    if (!CreateProcessW(NULL, line, NULL, NULL, TRUE, 0, NULL, NULL, &start, &process))
        return 127;
    WaitForSingleObject(process.hProcess, INFINITE);
    GetExitCodeProcess(process.hProcess, &status);
    return (int)status;
}
