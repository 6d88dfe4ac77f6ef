// The API documentation's examples name these, and demo tenants have them: "Try it out" works as it stands.
export const EXAMPLE_CUSTOMER_ID = '0b5f6c1e-6f0a-4c39-9d0e-2a4f8a1c7d11';
export const EXAMPLE_ORDER_ID = '6d1f3b52-8f43-4a7e-8a4b-0c7c4ac1f0e2';
