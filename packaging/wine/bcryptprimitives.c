/* The one function of bcryptprimitives.dll that Rust's standard library calls, by one that older systems have. For tests under
   Wine 8, which lacks it; never shipped. */
#include <windows.h>

BOOLEAN NTAPI SystemFunction036(PVOID buffer, ULONG length); /* RtlGenRandom */

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE buffer, SIZE_T length)
{
    while (length > 0) {
        ULONG piece = length > 0x10000000 ? 0x10000000 : (ULONG)length;
        if (!SystemFunction036(buffer, piece))
            return FALSE;
        buffer += piece;
        length -= piece;
    }
    return TRUE;
}
