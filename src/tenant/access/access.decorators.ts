import { SetMetadata } from '@nestjs/common';

/** The callers that a route admits. The default is `tenant`, so a new controller is isolated unless it is decorated. */
export type Access = 'tenant' | 'public' | 'control-plane';

export const ACCESS = Symbol('ACCESS');

/** Marks a route as open to any caller; it may run without a tenant context. */
export const Public = (): ClassDecorator & MethodDecorator => SetMetadata(ACCESS, 'public' satisfies Access);

/** Marks a route as requiring the admin key; it never runs in a tenant context. */
export const ControlPlane = (): ClassDecorator & MethodDecorator =>
  SetMetadata(ACCESS, 'control-plane' satisfies Access);
