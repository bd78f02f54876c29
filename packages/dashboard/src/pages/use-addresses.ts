import type { Address, Overview } from '@sluice/api/native/types';
import { useQuery } from '@tanstack/react-query';
import { call } from '../api/client.ts';

/** Every address the gateway offers; empty until known. */
export function useAddresses(): readonly Address[] {
  const overview = useQuery({ queryKey: ['overview'], queryFn: () => call<Overview>('GET', '/overview') });
  return overview.data?.addresses ?? [];
}

/** The first proxy address, for commands to try. */
export function useProxyAddress(): string | undefined {
  return useAddresses().find((address) => address.use === 'proxy')?.url;
}
