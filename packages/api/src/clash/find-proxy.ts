import type { OutboundView, RouteControl } from '@sluice/route/port';
import { findNamed } from './names.ts';

/** An outbound, and the provider that it is a node of; `''` for those of the configuration. */
export type FoundProxy = { readonly view: OutboundView; readonly provider: string };

/** Everything with a name of its own: what the configuration defines wins over nodes of providers, earlier ones over later ones. */
export function allProxies(route: RouteControl): ReadonlyMap<string, OutboundView> {
  const proxies = new Map(route.outbounds().map((view) => [view.name, view]));
  for (const { vehicleType, proxies: nodes } of route.providers.proxyProviders()) {
    if (vehicleType === 'Compatible') continue;
    for (const node of nodes) if (!proxies.has(node.name)) proxies.set(node.name, node);
  }
  return proxies;
}

/** Finds one of `allProxies` by a name from a path. */
export function findProxy(route: RouteControl, name: string): FoundProxy | undefined {
  return findNamed(name, (decoded) => {
    const view = route.outbound(decoded);
    return view === undefined ? findNode(route, decoded) : { view, provider: '' };
  });
}

function findNode(route: RouteControl, name: string): FoundProxy | undefined {
  for (const { vehicleType, name: provider } of route.providers.proxyProviders()) {
    const view = vehicleType === 'Compatible' ? undefined : route.providers.providerOutbound(provider, name);
    if (view !== undefined) return { view, provider };
  }
  return undefined;
}
